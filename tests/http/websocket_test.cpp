// A websocket against a server that does what the test says: messages, pings, closing, cancellation.
#include "tests/support/catch.hpp"

#include "lib/http/websocket/deflate.hpp"
#include "tests/http/websocket_support.hpp"
#include "tests/support/cancel_everywhere.hpp"

#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/http/websocket.hpp>
#include <tandem/sync/event.hpp>

#include <future>
#include <optional>
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

namespace {

std::string ws_url(const scripted::server& server) {
    return "ws://" + server.host_port() + "/chat";
}

task<websocket> open(http::client& web, const scripted::server& server,
                     websocket_options options = websocket_options()) {
    return websocket::connect(web, http::request(ws_url(server)), std::move(options));
}

// How receiving one message from a server that sends `bytes` ends.
class ending_of_receive {
public:
    ending_of_receive() {}
    std::string message;
    std::string failure;
    std::uint16_t told = 0; // the code that the server was closed with
};

ending_of_receive receive_from(std::string bytes, websocket_options options = websocket_options(),
                               std::string fields = std::string()) {
    ending_of_receive found;
    std::string close_payload;
    std::optional<scripted::server> server;
    server.emplace([&](peer& p, int) {
        server_side side(p);
        side.accept(fields);
        side.send(bytes);
        while (const auto got = side.read())
            if (got->code == ws::opcode::close) {
                close_payload = got->payload;
                break;
            }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, *server, std::move(options));
        for (int attempt = 0; attempt < 2; ++attempt) { // a failure is told each time
            std::string failure;
            try {
                const auto message = co_await chat.receive();
                found.message =
                    message ? message->data() : "closed " + std::to_string(chat.code()) + chat.reason();
                co_return;
            } catch (const http::request_error& e) {
                failure = e.code().message();
                CHECK(e.phase() == http::request_phase::websocket);
            }
            CHECK_FALSE(chat.is_open());
            CHECK((attempt == 0 || failure == found.failure));
            found.failure = failure;
        }
    };
    scripted::run(work());
    server.reset(); // its thread has ended
    if (close_payload.size() >= 2)
        found.told = static_cast<std::uint16_t>(static_cast<unsigned char>(close_payload[0]) << 8 |
                                                static_cast<unsigned char>(close_payload[1]));
    return found;
}

task<> receive_one(websocket& from) {
    const auto message = co_await from.receive();
    CHECK_FALSE(message);
}

std::string message_of(ws::error value) {
    return make_error_code(value).message();
}

} // namespace

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

TEST_CASE("what a hostile server sends is an error, and it is told why") {
    using ws::error;
    const auto check = [](const std::string& bytes, error expected, std::uint16_t told) {
        INFO(message_of(expected));
        const ending_of_receive got = receive_from(bytes);
        CHECK(got.failure == message_of(expected));
        CHECK(got.told == told);
    };
    check(raw_frame(0xc1, "x"), error::reserved_bits, 1002);
    check(raw_frame(0x91, "x"), error::reserved_bits, 1002);
    check(raw_frame(0x83, "x"), error::bad_opcode, 1002);
    check(std::string("\x81\x81keyx"), error::masked_by_server, 1002);
    check(raw_frame(0x09, "x"), error::bad_control_frame, 1002);
    check(raw_frame(0x89, std::string(126, 'x')), error::bad_control_frame, 1002);
    check(raw_frame(0x80, "x"), error::bad_continuation, 1002);
    check(raw_frame(0x88, "x"), error::bad_close, 1002);
    check(close_frame(1006), error::bad_close, 1002);
    check(text("\xc3\x28"), error::bad_utf8, 1007);
    check(std::string("\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01", 10), error::message_too_large, 1009);
    check(std::string("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10), error::message_too_large, 1009);
    std::string fragments = raw_frame(0x01, "");
    for (int i = 0; i < 1024; ++i)
        fragments += raw_frame(0x00, "");
    check(fragments, error::too_many_fragments, 1009);
    const ending_of_receive just = receive_from(raw_frame(0x82, std::string(1 << 20, 'x')));
    CHECK(just.message.size() == 1 << 20);
    const ending_of_receive small =
        receive_from(raw_frame(0x82, "12345"), websocket_options().max_message_bytes(4));
    CHECK(small.failure == message_of(error::message_too_large));
}

TEST_CASE("a connection that ends without a close frame is an error") {
    scripted::server server([](peer& p, int) {
        server_side side(p);
        side.accept();
        side.send(raw_frame(0x01, "half"));
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server);
        std::string what;
        try {
            co_await chat.receive();
        } catch (const http::request_error& e) {
            what = e.what();
        }
        CHECK(what.find("websocket: " + message_of(ws::error::ended_without_close)) != std::string::npos);
        CHECK(chat.code() == http::close_code::abnormal);
        co_await chat.close(); // returns
    };
    scripted::run(work());
}

TEST_CASE("pings are answered, the latest of those that came together") {
    std::vector<std::string> pongs;
    scripted::server server([&](peer& p, int) {
        server_side side(p);
        side.accept();
        side.send(raw_frame(0x89, "one") + raw_frame(0x89, "two"));
        const auto pong = side.read();
        if (pong && pong->code == ws::opcode::pong) pongs.push_back(pong->payload);
        side.send(text("done"));
        p.wait_closed();
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server);
        const auto message = co_await chat.receive();
        REQUIRE(message);
        CHECK(message->data() == "done");
    };
    scripted::run(work());
    REQUIRE(pongs.size() == 1);
    CHECK((pongs[0] == "two" || pongs[0] == "one"));
}

TEST_CASE("a silent server is pinged, and given up when it does not answer") {
    int pings = 0;
    std::optional<scripted::server> server;
    server.emplace([&](peer& p, int) {
        server_side side(p);
        side.accept();
        while (const auto got = side.read()) {
            if (got->code != ws::opcode::ping) continue;
            if (++pings < 3) side.send(raw_frame(0x8a, got->payload));
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        const auto options = websocket_options().ping_interval(1ms).pong_timeout(200ms);
        websocket chat = co_await open(web, *server, options);
        std::string failure;
        try {
            co_await chat.receive();
        } catch (const http::request_error& e) {
            failure = e.code().message();
        }
        CHECK(failure == message_of(ws::error::no_pong));
    };
    scripted::run(work());
    server.reset(); // its thread has ended
    CHECK(pings >= 1);
}

TEST_CASE("a close that the server does not answer ends in time, also beside a receiver") {
    scripted::server server([](peer& p, int) {
        server_side side(p);
        side.accept();
        side.send(text("unread"));
        while (side.read()) { // reads all, says nothing
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket alone = co_await open(web, server, websocket_options().close_timeout(1ms));
        co_await alone.close();
        CHECK_FALSE(alone.is_open());
        CHECK(alone.code() == http::close_code::abnormal);

        websocket chat = co_await open(web, server, websocket_options().close_timeout(1ms));
        auto receiver = [&]() -> task<int> {
            int messages = 0;
            while (co_await chat.receive())
                ++messages;
            co_return messages;
        };
        auto closer = [&]() -> task<int> {
            co_await chat.close();
            co_return 0;
        };
        const auto [received, ignored] = co_await when_all(receiver(), closer());
        CHECK(received <= 1);
        CHECK(ignored == 0);
    };
    scripted::run(work());
}

TEST_CASE("a close beside a task that receives, and works on what it got, ends for both") {
    scripted::server server([](peer& p, int) {
        server_side side(p);
        side.accept();
        side.send(text("work"));
        while (auto frame = side.read())
            if (frame->code == ws::opcode::close) return side.send(text("late") + close_frame(1000));
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server, websocket_options().close_timeout(0ns));
        event working;
        event closing;
        bool ended = false;
        auto receiver = [&]() -> task<> {
            const auto first = co_await chat.receive();
            REQUIRE(first);
            working.set();
            co_await closing.wait(); // busy with the message while the other one closes
            auto next = co_await chat.receive();
            while (next)
                next = co_await chat.receive();
            ended = true;
        };
        auto closer = [&]() -> task<> {
            co_await working.wait();
            closing.set();
            co_await chat.close();
        };
        co_await when_all(receiver(), closer());
        CHECK(ended);
        CHECK_FALSE(chat.is_open());
    };
    scripted::run(work());
}

TEST_CASE("a close whose receiver leaves reads the answer itself") {
    std::promise<void> left;
    scripted::server server([&](peer& p, int) {
        server_side side(p);
        side.accept();
        while (auto frame = side.read())
            if (frame->code == ws::opcode::close) {
                left.get_future().wait();
                return side.send(close_frame(1000));
            }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server, websocket_options().close_timeout(0ns));
        auto receiver = [&]() -> task<> {
            const bool got = co_await move_on_after(20ms, receive_one(chat));
            left.set_value();
            CHECK_FALSE(got);
        };
        auto closer = [&]() -> task<> { co_await chat.close(); };
        co_await when_all(receiver(), closer());
        CHECK_FALSE(chat.is_open());
        CHECK(chat.code() == 1000);
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
                CHECK_NOTHROW(static_cast<void>(inflater.push(frame->payload, plain, 1 << 20)));
                CHECK_NOTHROW(static_cast<void>(inflater.finish(plain, 1 << 20)));
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

TEST_CASE("a websocket can be cancelled anywhere") {
    scripted::server server([](peer& p, int) {
        server_side side(p);
        side.accept();
        while (const auto frame = side.read()) {
            if (frame->code == ws::opcode::close) return side.send(close_frame(1000));
            if (frame->code == ws::opcode::text)
                side.send(raw_frame(0x01, "a") + raw_frame(0x89, "p") + raw_frame(0x80, "b") + text("c"));
        }
    });
    auto work = [&]() -> task<> {
        http::client web(http::client_options().connections_per_host(1));
        auto scenario = [&]() -> task<> {
            websocket chat = co_await open(web, server);
            co_await chat.send(std::string(300000, 'x'));
            const auto first = co_await chat.receive();
            REQUIRE(first);
            CHECK(first->data() == "ab");
            const auto second = co_await chat.receive();
            REQUIRE(second);
            CHECK(second->data() == "c");
            co_await chat.close();
            CHECK(chat.code() == 1000);
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 10);
        co_await scenario();
    };
    tests::run_on_loop(work());
}

TEST_CASE("a receive that is cancelled anywhere loses no message") {
    scripted::server server([](peer& p, int) {
        server_side side(p);
        side.accept();
        for (int i = 0; i < 20000; ++i)
            side.send(raw_frame(0x01, "number ") + raw_frame(0x89, "p") + raw_frame(0x80, std::to_string(i)));
        while (side.read()) {
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server);
        int next = 0;
        int wrong = 0;
        auto some = [&]() -> task<> {
            for (int i = 0; i < 3; ++i) {
                const auto message = co_await chat.receive();
                if (!message || message->data() != "number " + std::to_string(next)) ++wrong;
                ++next;
            }
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
        };
        co_await test::cancel_everywhere(some, after);
        co_await some();
        CHECK(wrong == 0);
        CHECK(next > 3);
        CHECK(chat.is_open());
    };
    tests::run_on_loop(work());
}
