// A websocket against a server that does what the test says: opening, messages, compression, many senders.
#include "tests/support/catch.hpp"

#include "lib/http/websocket/deflate.hpp"
#include "tests/http/websocket_support.hpp"

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/websocket.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using namespace websocket_tests;
using http::websocket;
using http::websocket_options;
using scripted::field_of;
using scripted::peer;

TEST_CASE("a websocket: fields of the handshake, messages in both directions, closing") {
    std::string head;
    std::vector<std::string> got;
    bool all_masked = true;
    std::set<std::string> keys;
    scripted::server server([&](peer& p, int) {
        server_side side(p);
        head = side.accept("Sec-WebSocket-Protocol: chat\r\nX-More: 1\r\n");
        while (auto frame = side.read()) {
            all_masked = all_masked && frame->masked;
            keys.insert(frame->key);
            got.push_back(std::to_string(static_cast<int>(frame->code)) + frame->payload);
            if (frame->code == ws::opcode::close) return side.send(close_frame(1000, "bye"));
            side.send(raw_frame(0x80 | static_cast<int>(frame->code), "re: " + frame->payload));
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        http::request what(ws_url(server));
        what.header("X-Mine", "yes");
        const auto options = websocket_options().subprotocol("first").subprotocol("chat");
        websocket chat = co_await websocket::connect(web, std::move(what), options);
        CHECK(web.counters().connections_in_use == 0); // it does not count
        CHECK(chat.subprotocol() == "chat");
        CHECK_FALSE(chat.compressed());
        CHECK(chat.response().headers().get("X-More") == "1");
        co_await chat.send("hello");
        const auto first = co_await chat.receive();
        REQUIRE(first);
        CHECK(first->is_text());
        CHECK(first->data() == "re: hello");
        co_await chat.send_binary(std::string("\xff\0", 2));
        const auto second = co_await chat.receive();
        REQUIRE(second);
        CHECK_FALSE(second->is_text());
        CHECK(second->data() == std::string("re: \xff\0", 6));
        co_await chat.send(std::string(200000, 'x')); // more than a piece
        const auto large = co_await chat.receive();
        REQUIRE(large);
        CHECK(large->data().size() == 200004);
        co_await chat.close(3001, "done");
        CHECK_FALSE(chat.is_open());
        CHECK(chat.code() == 1000);
        CHECK(chat.reason() == "bye");
        const auto none = co_await chat.receive();
        CHECK_FALSE(none);
        co_await chat.close(); // nothing
        bool refused = false;
        try {
            co_await chat.send("late");
        } catch (const http::request_error&) {
            refused = true;
        }
        CHECK(refused);
    };
    scripted::run(work());
    CHECK(scripted::target_of(head) == "/chat");
    CHECK(field_of(head, "Upgrade") == "websocket");
    CHECK(field_of(head, "Connection") == "Upgrade");
    CHECK(field_of(head, "Sec-WebSocket-Version") == "13");
    CHECK(field_of(head, "Sec-WebSocket-Protocol") == "first, chat");
    CHECK(field_of(head, "Sec-WebSocket-Extensions") == "-");
    CHECK(field_of(head, "X-Mine") == "yes");
    REQUIRE(got.size() == 4);
    CHECK(got[0] == "1hello");
    CHECK(got[3] == "8" + std::string("\x0b\xb9") + "done");
    CHECK(all_masked);
    CHECK(keys.size() == 4);
}

TEST_CASE("a websocket that the server does not open") {
    scripted::server server([](peer& p, int number) {
        p.read_head();
        p.send(number == 0 ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
                           : "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                             "Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
        p.wait_closed();
    });
    auto work = [&]() -> task<> {
        http::client web(http::client_options().idle_timeout(0ns));
        for (const char* const expected : {"status 403", "Sec-WebSocket-Accept"}) {
            std::string what;
            try {
                websocket never = co_await open(web, server);
            } catch (const http::request_error& e) {
                CHECK(e.code() == http::errc::websocket_refused);
                what = e.what();
            }
            CHECK(what.find(expected) != std::string::npos);
            CHECK(web.counters().connections_in_use == 0);
            web.close_idle();
        }
        http::request post(ws_url(server));
        post.method(http::method::post);
        bool refused = false;
        try {
            websocket never = co_await websocket::connect(web, std::move(post));
        } catch (const std::invalid_argument&) {
            refused = true;
        }
        CHECK(refused);
    };
    scripted::run(work());
}

TEST_CASE("a message that comes with the handshake, in one piece") {
    scripted::server server([](peer& p, int) {
        const std::string head = p.read_head();
        p.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: " +
               ws::accept_for(field_of(head, "Sec-WebSocket-Key")) + "\r\n\r\n" + text("early") +
               close_frame(1001));
        p.wait_closed();
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server);
        const auto message = co_await chat.receive();
        REQUIRE(message);
        CHECK(message->data() == "early");
        const auto end = co_await chat.receive();
        CHECK_FALSE(end);
        CHECK(chat.code() == 1001);
    };
    scripted::run(work());
}

TEST_CASE("many tasks send at a time, and each message arrives whole") {
    constexpr int senders = 20;
    constexpr int each = 20;
    std::vector<std::string> got;
    scripted::server server([&](peer& p, int) {
        server_side side(p);
        side.accept();
        while (const auto frame = side.read()) {
            if (frame->code == ws::opcode::close) return side.send(close_frame(1000));
            got.push_back(frame->payload);
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server);
        auto sender = [&](int number) -> task<> {
            for (int i = 0; i < each; ++i)
                co_await chat.send(
                    std::string(static_cast<std::size_t>(1 + number * 500), static_cast<char>('a' + number)));
        };
        auto body = [&](task_group& group) -> task<> {
            for (int i = 0; i < senders; ++i)
                group.spawn(sender, i);
            co_return;
        };
        co_await with_task_group(body);
        co_await chat.close();
    };
    scripted::run(work());
    CHECK(got.size() == senders * each);
    for (const std::string& message : got) {
        const auto number = static_cast<std::size_t>(message.at(0) - 'a');
        CHECK(message == std::string(1 + number * 500, message[0]));
    }
}

TEST_CASE("compression: offered when asked for, used in both directions") {
    const std::string words(5000, 'w');
    std::string offer;
    std::vector<bool> compressed;
    std::vector<std::string> got;
    scripted::server server([&](peer& p, int) {
        server_side side(p);
        offer = field_of(
            side.accept("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"),
            "Sec-WebSocket-Extensions");
        side.send(raw_frame(0xc1, ws::compress_message(words)));
        while (const auto frame = side.read()) {
            if (frame->code == ws::opcode::close) return side.send(close_frame(1000));
            compressed.push_back(frame->compressed);
            ws::message_inflater inflater;
            std::string plain;
            if (frame->compressed) {
                static_cast<void>(inflater.push(frame->payload, plain, 1 << 20)); // `got` tells
                static_cast<void>(inflater.finish(plain, 1 << 20));
            }
            got.push_back(frame->compressed ? plain : frame->payload);
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server, websocket_options().compression(true));
        CHECK(chat.compressed());
        const auto message = co_await chat.receive();
        REQUIRE(message);
        CHECK(message->data() == words);
        co_await chat.send("short");
        co_await chat.send(words);
        co_await chat.close();
    };
    scripted::run(work());
    CHECK(offer == ws::compression_offer);
    CHECK(compressed == std::vector<bool>{false, true});
    CHECK(got == std::vector<std::string>{"short", words});
}

TEST_CASE("what cannot be sent, and who cannot receive") {
    scripted::server server([](peer& p, int) {
        server_side side(p);
        side.accept();
        while (const auto frame = side.read())
            if (frame->code == ws::opcode::close) return side.send(close_frame(1000));
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server);
        int refused = 0;
        const auto count = [&](auto call) -> task<> {
            try {
                co_await call();
            } catch (const std::logic_error&) {
                ++refused;
            }
        };
        co_await count([&] { return chat.send("\xff"); });
        co_await count([&] { return chat.close(1005); });
        co_await count([&] { return chat.close(999); });
        co_await count([&] { return chat.close(1000, std::string(124, 'x')); });
        co_await count([&] { return chat.close(1000, "\xff"); });
        CHECK(refused == 5);
        auto receiver = [&]() -> task<bool> {
            const auto message = co_await chat.receive();
            co_return message.has_value();
        };
        auto second = [&]() -> task<bool> {
            bool told = false;
            try {
                co_await chat.receive();
            } catch (const std::logic_error&) {
                told = true;
            }
            co_await chat.close(1000, std::string(123, 'x'));
            co_return told;
        };
        const auto [received, told] = co_await when_all(receiver(), second());
        CHECK_FALSE(received);
        CHECK(told);
    };
    scripted::run(work());
}
