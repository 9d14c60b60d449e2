// Every function that takes a time takes any: `hours::max()` is "no limit", and not a number that overflowed.
#include <tandem/concurrency/every.hpp>
#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/concurrency/retry.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_cleanup.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/observe/stall_detector.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/keyed_rate_limiter.hpp>
#include <tandem/sync/rate_limiter.hpp>
#include <tandem/system/process_options.hpp>
#include <tandem/testing/run.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using std::chrono::hours;
using std::chrono::milliseconds;
using tests::ending;
using tests::run_on_loop;

namespace {

task<int> answer() {
    co_await tests::turns(3);
    co_return 42;
}

} // namespace

TEST_CASE("longest duration: a sleep does not end") {
    run_on_loop([]() -> task<> {
        const bool for_hours = co_await move_on_after(5ms, sleep_for(hours::max()));
        CHECK_FALSE(for_hours);
        const bool for_milliseconds = co_await move_on_after(5ms, sleep_for(milliseconds::max()));
        CHECK_FALSE(for_milliseconds);
        const bool until = co_await move_on_after(5ms, sleep_until(scheduler::clock::time_point::max()));
        CHECK_FALSE(until);
        co_await sleep_for(hours::min()); // over at once
    });
}

TEST_CASE("longest duration: a limit that is none") {
    run_on_loop([]() -> task<> {
        const int in_hours = co_await with_timeout(hours::max(), answer());
        CHECK(in_hours == 42);
        const int in_milliseconds = co_await with_timeout(milliseconds::max(), answer);
        CHECK(in_milliseconds == 42);
        const int in_microseconds = co_await with_timeout(std::chrono::microseconds::max(), answer());
        CHECK(in_microseconds == 42);
        const auto kept = co_await move_on_after(hours::max(), answer());
        CHECK(kept == 42);
        const auto called = co_await move_on_after(milliseconds::max(), answer);
        CHECK(called == 42);
        auto deadline = []() -> task<bool> {
            co_return current_deadline() == scheduler::clock::time_point::max();
        };
        const bool endless = co_await with_timeout(hours::max(), deadline());
        CHECK(endless);
        bool cleaned = false;
        auto cleanup = [&cleaned]() -> task<> {
            co_await yield();
            cleaned = true;
        };
        const int after_cleanup = co_await with_cleanup(answer(), cleanup, hours::max());
        CHECK(after_cleanup == 42);
        CHECK(cleaned);
    });
}

TEST_CASE("longest duration: an interval that is never over") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto ended = co_await when_any(every(hours::max(), [&calls] { ++calls; }), sleep_for(5ms));
        CHECK(calls == 1);
        CHECK(ended.get<0>().cancelled());
    });
}

TEST_CASE("longest duration: retry") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto twice = [&calls]() -> task<int> {
            co_await yield();
            if (++calls == 1) throw std::runtime_error("not yet");
            co_return calls;
        };
        auto no_limit = retry_policy();
        no_limit.initial_delay(1ns)
            .budget(hours::max())
            .attempt_timeout(hours::max())
            .max_delay(hours::max());
        const int result = co_await retry(no_limit, twice);
        CHECK(result == 2);

        // A pause anywhere in [0, 292 years]: not over within the test.
        calls = 0;
        auto long_pause = retry_policy();
        long_pause.initial_delay(hours::max()).max_delay(hours::max()).seed(1);
        const auto given_up = co_await move_on_after(5ms, retry(long_pause, twice));
        CHECK_FALSE(given_up.has_value());
        CHECK(calls == 1);
    });
}

TEST_CASE("longest duration: rate limiters refuse what they cannot count") {
    CHECK_THROWS_WITH(rate_limiter(1, hours::max()), Catch::Contains("2^62"));
    CHECK_THROWS_WITH((keyed_rate_limiter<std::string>(1, hours::max())), Catch::Contains("2^62"));
    CHECK_NOTHROW(rate_limiter(1, std::chrono::years(100)));
}

TEST_CASE("longest duration: options") {
    CHECK(runtime_options().drain_timeout(hours::max()).drain_timeout() > hours(24 * 365 * 290));
    CHECK(runtime_options().drain_timeout(1ns).drain_timeout() == 1ms); // never less than was asked for
    CHECK(runtime_options().stall_threshold(hours::max()).stall_threshold() > hours(24 * 365 * 290));
    CHECK(stall_options().threshold(hours::max()).threshold() > hours(24 * 365 * 290));
    CHECK(process_options("x").grace(hours::max()).grace() > hours(24 * 365 * 290));
    CHECK(*process_options("x").timeout(hours::max()).timeout() > hours(24 * 365 * 290));
    const auto patient =
        test::options().io_grace(hours::max()).stall_limit(hours::max()).time_limit(hours::max());
    CHECK(patient.io_grace() == std::chrono::nanoseconds::max());
    CHECK(patient.stall_limit() == std::chrono::nanoseconds::max());
    CHECK(patient.time_limit() == std::chrono::nanoseconds::max());
}

TEST_CASE("longest duration: a test that waits for ever for what takes long") {
    auto how = test::options();
    how.stall_limit(hours::max()).time_limit(hours::max());
    test::run(how, []() -> task<> { co_await sleep_for(std::chrono::years(2)); });
}

TEST_CASE("longest duration: a runtime whose tasks may take all the time to end") {
    bool ended = false;
    {
        runtime rt(tests::small().drain_timeout(hours::max()));
        rt.spawn([](bool& told) -> task<> {
            event never;
            const ending how = co_await tests::ends(as_task(never.wait()));
            CHECK(how == ending::cancelled);
            co_await shield(tests::turns(5));
            told = true;
        }(ended));
    }
    CHECK(ended);
}
