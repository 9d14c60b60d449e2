// A websocket whose operations are cancelled wherever they wait.
#include "tests/http/websocket_support.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"

#include <tandem/http/websocket.hpp>

#include <string>

using namespace tandem;
using namespace std::chrono_literals;
using namespace websocket_tests;
using http::websocket;
using http::websocket_options;
using scripted::peer;

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
