#include <tandem/concurrency/every.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("every: the grid does not drift and skips what was missed") {
    const scheduler::clock::time_point start{};
    detail::tick_grid grid(start, 10ms);
    CHECK(grid.next(start) == start + 10ms);        // the call took no time
    CHECK(grid.next(start + 13ms) == start + 20ms); // woken late
    CHECK(grid.next(start + 20ms) == start + 30ms);
    CHECK(grid.next(start + 30ms) == start + 40ms);
    CHECK(grid.next(start + 75ms) == start + 80ms);  // 50, 60 and 70 are missed
    CHECK(grid.next(start + 90ms) == start + 90ms);  // exactly a tick later: it is not missed
    CHECK(grid.next(start + 85ms) == start + 100ms); // the clock never goes back by that much
    detail::tick_grid far(start + 1h, std::chrono::nanoseconds::max());
    CHECK(far.next(start + 2h) == scheduler::clock::time_point::max());
}

TEST_CASE("every: calls at once and again until the call says no") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        co_await every(1ms, [&calls] { return ++calls < 3; });
        CHECK(calls == 3);
        auto waits = [&]() -> task<bool> {
            co_await yield();
            co_return --calls > 0;
        };
        co_await every(1ms, waits);
        CHECK(calls == 0);
        // Arguments stay.
        std::string all;
        auto append = [](std::string& to, std::string& text) -> task<bool> {
            to += text;
            co_await yield();
            co_return to.size() < 4;
        };
        co_await every(1ms, append, std::ref(all), std::string("ab"));
        CHECK(all == "abab");
    });
}

TEST_CASE("every: exceptions end it, the interval must be positive") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto fails = [&]() -> task<> {
            co_await yield();
            if (++calls == 2) throw std::runtime_error("own");
        };
        const std::string what = co_await tests::message_of(every(1ms, fails));
        CHECK(what == "own");
        CHECK(calls == 2);
        const ending zero = co_await tests::ends(every(0ms, [&] { ++calls; }));
        CHECK(zero == ending::error);
        CHECK(calls == 2);
    });
}

TEST_CASE("every: cancelled in a pause or in a call") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto in_pause = co_await when_any(every(1000h, [&calls] { ++calls; }), tests::turns(5));
        CHECK(calls == 1);
        CHECK(in_pause.get<0>().cancelled());
        auto longest =
            co_await when_any(every(std::chrono::nanoseconds::max(), [&calls] { ++calls; }), tests::turns(5));
        CHECK(longest.get<0>().cancelled());
        event never;
        auto in_call = co_await when_any(every(1000h, [&never] { return never.wait(); }), tests::turns(5));
        CHECK(in_call.get<0>().cancelled());
    });
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto scenario = []() -> task<> {
            int calls = 0;
            auto call = [&]() -> task<bool> {
                co_await tests::turns(2);
                co_return ++calls < 2;
            };
            co_await every(1ms, call);
        };
        auto check = [](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 4);
}

TEST_CASE("repeat_until_cancelled: returns normally, the next operation reports the cancellation") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        bool returned = false;
        ending after = ending::value;
        auto body = [&]() -> task<> {
            co_await repeat_until_cancelled([&calls] { ++calls; }); // never waits
            returned = true;
            after = co_await tests::ends(tests::turns(1));
        };
        auto others = [&]() -> task<> {
            co_await tests::turns(10); // its turns come although the other never waits
            CHECK(calls >= 9);
            CHECK(calls <= 12);
        };
        co_await when_any(body(), others());
        CHECK(returned);
        CHECK(after == ending::cancelled);
    });
}

TEST_CASE("repeat_until_cancelled: a call in progress is told and waited for") {
    run_on_loop([]() -> task<> {
        event never;
        int cleaned = 0;
        auto call = [&]() -> task<> {
            const ending how = co_await tests::ends([](event& e) -> task<> { co_await e.wait(); }(never));
            if (how == ending::cancelled) ++cleaned;
            throw operation_cancelled();
        };
        auto race = co_await when_any(repeat_until_cancelled(call), tests::turns(3));
        CHECK(cleaned == 1);
        CHECK(race.get<0>().has_value());
    });
}

TEST_CASE("repeat_until_cancelled: false, exceptions, and a cancellation from elsewhere end it") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        co_await repeat_until_cancelled([&calls] { return ++calls < 5; });
        CHECK(calls == 5);
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("own");
        };
        const std::string what = co_await tests::message_of(repeat_until_cancelled(fails));
        CHECK(what == "own");
        auto foreign = []() -> task<> {
            co_await yield();
            throw operation_cancelled();
        };
        const ending how = co_await tests::ends(repeat_until_cancelled(foreign));
        CHECK(how == ending::cancelled);
    });
}

TEST_CASE("repeat_until_cancelled: cancelled everywhere it returns") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto scenario = []() -> task<> {
            int calls = 0;
            auto call = [&]() -> task<bool> {
                co_await tests::turns(2);
                co_return ++calls < 4;
            };
            co_await repeat_until_cancelled(call);
        };
        auto check = [](ending how) { CHECK(how == ending::value); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 10);
}
