// every and repeat_until_cancelled: the same call again and again.
//
//     co_await every(30s, refresh, std::ref(cache));    // until cancelled, or refresh gives false or throws
//     co_await repeat_until_cancelled(serve_one, std::ref(queue));   // returns when the task is cancelled
//
// `f(args...)` is a plain function or gives a task (or any awaitable), of void or bool; false ends the
// repetition. It is called with the same arguments each time, as lvalues; they and `f` are moved in. What it
// throws is rethrown and ends the repetition.
#pragma once

#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {

template <class R>
concept repeat_result = std::is_void_v<R> || std::is_convertible_v<R, bool>;

template <class R>
struct repeated {
    static constexpr bool valid = repeat_result<R>;
};
template <awaitable_in_task R>
struct repeated<R> {
    static constexpr bool valid = repeat_result<await_result_t<R>>;
};

template <class F, class... Args>
concept repeatable = std::is_invocable_v<F&, Args&...> && repeated<std::invoke_result_t<F&, Args&...>>::valid;

// One call; whether to go on.
template <class F, class... Args>
task<bool> repeat_once(F& f, Args&... args) {
    using result = std::invoke_result_t<F&, Args&...>;
    if constexpr (awaitable_in_task<result>) {
        if constexpr (std::is_void_v<await_result_t<result>>) {
            co_await std::invoke(f, args...);
            co_return true;
        } else {
            co_return static_cast<bool>(co_await std::invoke(f, args...));
        }
    } else if constexpr (std::is_void_v<result>) {
        std::invoke(f, args...);
        co_return true;
    } else {
        co_return static_cast<bool>(std::invoke(f, args...));
    }
}

// The ticks of `every`: a grid that does not drift.
class tick_grid {
public:
    using time_point = scheduler::clock::time_point;
    tick_grid(time_point start, std::chrono::nanoseconds interval) noexcept
        : last_(start), interval_(interval) {}

    // The first tick after the last one that is not over at `now`.
    time_point next(time_point now) noexcept {
        const auto late = now > last_ ? now - last_ : std::chrono::nanoseconds::zero();
        const auto steps = late / interval_ + (late % interval_ != std::chrono::nanoseconds::zero() ? 1 : 0);
        const auto room = (time_point::max() - last_) / interval_;
        if (steps >= room || room < 1) return time_point::max();
        return last_ += interval_ * (steps < 1 ? 1 : steps);
    }

private:
    time_point last_;
    std::chrono::nanoseconds interval_;
};

} // namespace detail

// Calls at once, then at start + interval, start + 2 * interval ...: the time that a call takes does not
// shift the later ones. Calls never overlap; ticks that were missed because a call took too long, or the loop
// was busy, are skipped, not made up for. Resolution 1 ms. `interval` must be positive
// (std::invalid_argument).
// Cancellation: throws operation_cancelled while it waits; otherwise the call in progress is told.
template <class F, class... Args>
    requires detail::repeatable<F, Args...>
task<> every(time_span interval, F f, Args... args) {
    if (interval.count() <= 0) throw std::invalid_argument("every: the interval must be positive");
    scheduler& home = task_context::current()->home();
    detail::tick_grid grid(home.now(), interval);
    for (;;) {
        const bool more = co_await detail::repeat_once(f, args...);
        if (!more) co_return;
        co_await sleep_until(grid.next(home.now()));
    }
}

// Calls again and again until the task is cancelled; then returns normally, and the task's next operation
// reports the cancellation. A call in progress is told, waited for, and its operation_cancelled is taken as
// the end. Between two calls every other task that is ready runs once, so a call that never waits starves
// nobody. An operation_cancelled from elsewhere is rethrown as any exception.
template <class F, class... Args>
    requires detail::repeatable<F, Args...>
task<> repeat_until_cancelled(F f, Args... args) {
    task_context& context = *task_context::current();
    while (!context.cancelled()) {
        try {
            const bool more = co_await detail::repeat_once(f, args...);
            if (!more) co_return;
            if (!context.cancelled()) co_await yield();
        } catch (const operation_cancelled&) {
            if (!context.cancelled()) throw;
        }
    }
}

} // namespace tandem
