// What keeps a websocket alive, and tells when its server has gone: pings and pongs.
#include "tests/http/websocket_support.hpp"
#include "tests/support/catch.hpp"

#include <tandem/http/websocket.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using namespace websocket_tests;
using http::websocket;
using http::websocket_options;
using scripted::peer;

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

namespace {

// Sends until that fails; how.
task<std::string> send_on(websocket& chat, const std::function<bool()>& enough = nullptr) {
    std::string failure;
    try {
        while (!enough || !enough())
            co_await chat.send("more");
    } catch (const http::request_error& e) {
        failure = e.code().message();
    }
    co_return failure;
}

// A ping after each silence, however short, and time for the answer.
websocket_options pinging(std::chrono::nanoseconds pong_timeout) {
    return websocket_options().ping_interval(1ms).pong_timeout(pong_timeout);
}

} // namespace

TEST_CASE("a task that only sends notices a server that answers nothing") {
    std::optional<scripted::server> server;
    server.emplace([&](peer& p, int) {
        server_side side(p);
        side.accept();
        while (side.read()) { // takes all, says nothing
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, *server, pinging(1ms));
        const std::string failure = co_await send_on(chat);
        CHECK(failure == message_of(ws::error::no_pong));
        CHECK_FALSE(chat.is_open());
        websocket patient = co_await open(web, *server, pinging(0ns)); // never
        int n = 0;
        const std::string none = co_await send_on(patient, [&] { return ++n > 1000; });
        CHECK(none.empty());
    };
    scripted::run(work());
}

TEST_CASE(
    "a task that only sends is content with pongs, answers pings and leaves messages to whoever receives") {
    std::atomic<int> pings = 0;
    std::atomic<int> pongs = 0;
    scripted::server server([&](peer& p, int) {
        server_side side(p);
        side.accept();
        while (const auto got = side.read()) {
            if (got->code == ws::opcode::close) return side.send(close_frame(1000));
            if (got->code == ws::opcode::pong && got->payload == "p") ++pongs;
            if (got->code != ws::opcode::ping) continue;
            side.send(raw_frame(0x8a, got->payload));
            // Behind the message nothing is looked at until it is received.
            if (++pings == 1) side.send(raw_frame(0x89, "p"));
            if (pings == 3) side.send(raw_frame(0x01, "fir") + raw_frame(0x80, "st") + text("second"));
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server, pinging(1h));
        const std::string failure = co_await send_on(chat, [&] { return pongs > 0 && pings > 4; });
        CHECK(failure.empty());
        const auto first = co_await chat.receive();
        const auto second = co_await chat.receive();
        REQUIRE(first);
        REQUIRE(second);
        CHECK(first->data() == "first");
        CHECK(second->data() == "second");
        co_await chat.close();
        CHECK(chat.code() == 1000);
    };
    scripted::run(work());
}

TEST_CASE("a task that only sends is told that the server closes, and what came before can be received") {
    for (const bool in_order : {true, false}) {
        scripted::server server([&](peer& p, int) {
            server_side side(p);
            side.accept();
            side.send(text("last") + (in_order ? close_frame(3000, "enough") : raw_frame(0x83, "x")));
            while (side.read()) {
            }
        });
        auto work = [&]() -> task<> {
            http::client web;
            websocket chat = co_await open(web, server, pinging(1h));
            const auto last = co_await chat.receive();
            REQUIRE(last);
            CHECK(last->data() == "last");
            const std::string failure = co_await send_on(chat);
            if (!in_order) {
                CHECK(failure == message_of(ws::error::bad_opcode));
                co_return;
            }
            CHECK(failure == message_of(ws::error::closed));
            const auto end = co_await chat.receive();
            CHECK_FALSE(end);
            CHECK(chat.code() == 3000);
            CHECK_FALSE(chat.is_open());
        };
        scripted::run(work());
    }
}

TEST_CASE("a task that only sends loses nothing of what the server sends meanwhile, however much") {
    constexpr int messages = 50;
    scripted::server server([&](peer& p, int) {
        server_side side(p);
        side.accept();
        const std::string message = raw_frame(0x82, std::string(60'000, 'x'));
        while (const auto got = side.read()) {
            if (got->code == ws::opcode::ping) side.send(raw_frame(0x8a, got->payload));
            if (got->code == ws::opcode::text) side.send(message);
        }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server, pinging(1h));
        int sent = 0;
        const std::string failure = co_await send_on(chat, [&] { return sent++ == messages; });
        CHECK(failure.empty());
        for (int i = 0; i < messages; ++i) {
            const auto message = co_await chat.receive();
            REQUIRE(message);
            CHECK(message->data().size() == 60'000);
        }
    };
    scripted::run(work());
}
