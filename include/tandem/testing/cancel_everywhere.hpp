// cancel_everywhere: cancels a scenario at each of its suspension points in turn.
//
//     co_await test::cancel_everywhere([] { return transfer(a, b); },
//                                      [](test::ending end) { CHECK(total() == 100); });
//
// The scenario, a callable that gives a fresh task<>, is run again and again. Beside it a driver lets `k`
// turns of the loop's ready queue pass and then cancels it, k = 0, 1, 2 ... until the scenario ends before
// the driver gets there; the driver stands in the queue once before the scenario and once behind it, so that
// it also strikes between two tasks of one turn. What takes real time (I/O, offload) lasts thousands of
// turns: k grows by doubling after 128. Best on one loop, in order of arrival (not under a seed).
#pragma once

#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/task.hpp>

#include <cstddef>
#include <exception>
#include <utility>

namespace tandem::test {

// How a task ended.
enum class ending { value, cancelled, timeout, error };

inline ending ending_of(const std::exception_ptr& failure) {
    if (!failure) return ending::value;
    try {
        std::rethrow_exception(failure);
    } catch (const operation_cancelled&) {
        return ending::cancelled;
    } catch (const timeout_error&) {
        return ending::timeout;
    } catch (...) {
        return ending::error;
    }
}

namespace detail {

inline task<bool> cancel_after(tandem::detail::child_base& subject, std::size_t turns) {
    for (std::size_t i = 0; i < turns && !subject.ended; ++i)
        co_await yield();
    if (subject.ended) co_return false;
    subject.request_cancel();
    co_return true;
}

class attempt {
public:
    attempt(bool was_cancelled, ending how) : cancelled(was_cancelled), end(how) {}
    bool cancelled;
    ending end;
};

inline task<attempt> cancelled_after(task<> scenario, std::size_t turns, bool driver_first) {
    tandem::detail::child<void> subject(std::move(scenario));
    tandem::detail::child<bool> driver(cancel_after(subject, turns));
    tandem::detail::join both(tandem::detail::join_policy::wait, "cancel_everywhere");
    if (driver_first) both.add(driver);
    both.add(subject);
    if (!driver_first) both.add(driver);
    co_await both;
    const bool was_cancelled = driver.result();
    co_return attempt(was_cancelled, ending_of(subject.failure()));
}

} // namespace detail

// `check(ending)` is called after each run, outside of it, with how the scenario ended: `value` or
// `cancelled`; anything else is a failure that `check` asserts. Returns how many runs were cancelled.
template <class Scenario, class Check>
task<std::size_t> cancel_everywhere(Scenario scenario, Check check) {
    std::size_t cancelled = 0;
    for (int order = 0; order < 2; ++order) {
        const bool driver_first = order == 0;
        for (std::size_t k = 0; k < 1'000'000; k = k < 128 ? k + 1 : k * 2) {
            auto result = co_await detail::cancelled_after(scenario(), k, driver_first);
            check(result.end);
            if (!result.cancelled) break;
            ++cancelled;
        }
    }
    co_return cancelled;
}

} // namespace tandem::test
