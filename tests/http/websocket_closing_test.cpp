// The closing handshake of a websocket, from both sides and beside a task that receives.
#include "tests/http/websocket_support.hpp"
#include "tests/support/catch.hpp"

#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/websocket.hpp>
#include <tandem/sync/event.hpp>

#include <future>

using namespace tandem;
using namespace std::chrono_literals;
using namespace websocket_tests;
using http::websocket;
using http::websocket_options;
using scripted::peer;

namespace {

task<> receive_one(websocket& from) {
    const auto message = co_await from.receive();
    CHECK_FALSE(message);
}

} // namespace

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

TEST_CASE("what came before a write failed is received nevertheless") {
    for (const bool closes : {true, false}) {
        scripted::server server([&](peer& p, int) {
            server_side side(p);
            side.accept();
            side.send(text("one") + text("two") + text("three") +
                      (closes ? close_frame(3000, "enough") : ""));
            side.read();
            p.reset();
        });
        auto work = [&]() -> task<> {
            http::client web;
            websocket chat = co_await open(web, server);
            std::string got;
            const auto first = co_await chat.receive();
            REQUIRE(first);
            got = first->data();
            auto send_on = [&chat]() -> task<bool> {
                try {
                    for (;;)
                        co_await chat.send("x");
                } catch (const http::request_error&) {
                }
                co_return chat.is_open();
            };
            const bool open_still = co_await send_on();
            CHECK_FALSE(open_still);
            bool failed = false;
            try {
                while (const auto next = co_await chat.receive())
                    got += " " + next->data();
            } catch (const http::request_error&) {
                failed = true;
            }
            CHECK(got == "one two three");
            CHECK(failed != closes);
            CHECK(chat.code() == (closes ? 3000 : http::close_code::abnormal));
            CHECK_FALSE(chat.is_open());
        };
        scripted::run(work());
    }
}
