// with_timeout and with_deadline: an awaitable with a limit on its time.
//
//     auto response = co_await with_timeout(5s, web.get(url));
//     auto page = co_await with_timeout(5s, fetch, url);               // a callable with its arguments
//     co_await with_deadline(end_of_shift, drain(queue));
//
// When the time is up the child is cancelled and waited for; then `timeout_error` is thrown, which tells the
// limit and what the child waited for, unless the child has completed nevertheless: a value that arrived is
// never dropped. The deadline is inherited by everything that the child awaits (`current_deadline`), except
// inside a `shield`; of nested limits the tighter one wins, and its own with_timeout throws. Cancellation
// from outside: passed on to the child; throws operation_cancelled, never timeout_error.
#pragma once

#include <tandem/concurrency/detail/limited_child.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <utility>

namespace tandem {

namespace detail {

template <class T>
task<T> run_within(std::chrono::nanoseconds limit, task<T> work) {
    limited_child<T> child(std::move(work), deadline_after(limit), "with_timeout");
    co_await child.end();
    if (child.timed_out()) throw timeout_error(limit, child.waited_for());
    co_return child.result();
}

template <class T>
task<T> run_until(scheduler::clock::time_point when, task<T> work) {
    task_context& here = *task_context::current();
    if (here.cancelled())
        throw operation_cancelled("an operation with a deadline was cancelled before it began");
    const auto now = here.home().now();
    if (when <= now) throw timeout_error("the deadline was over before the operation began");
    const auto left = when - now;
    limited_child<T> child(std::move(work), when, "with_deadline");
    co_await child.end();
    if (child.timed_out()) throw timeout_error(left, child.waited_for());
    co_return child.result();
}

} // namespace detail

// `limit` counts from the moment when this is awaited. A child with no time left (0 or less) is begun, and
// cancelled if it does not complete at once.
template <class A>
    requires detail::awaitable_in_task<A>
task<await_result_t<A>> with_timeout(time_span limit, A awaitable) {
    return detail::run_within(limit, as_task(std::move(awaitable)));
}

template <class F, class... Args>
    requires detail::callable_work<F, Args...>
task<invoke_awaited_t<F, Args...>> with_timeout(time_span limit, F f, Args... args) {
    return detail::run_within(limit, tandem::invoke(std::move(f), std::move(args)...));
}

// The same with a point in time of the loop's clock (the steady clock, unless a test has replaced it). When
// it is over already the child is not begun: timeout_error at once.
template <class A>
    requires detail::awaitable_in_task<A>
task<await_result_t<A>> with_deadline(scheduler::clock::time_point when, A awaitable) {
    return detail::run_until(when, as_task(std::move(awaitable)));
}

template <class F, class... Args>
    requires detail::callable_work<F, Args...>
task<invoke_awaited_t<F, Args...>> with_deadline(scheduler::clock::time_point when, F f, Args... args) {
    return detail::run_until(when, tandem::invoke(std::move(f), std::move(args)...));
}

// The point in time at which the running task will be cancelled by the tightest limit around it; `max()` when
// there is none, and outside of tasks.
inline scheduler::clock::time_point current_deadline() noexcept {
    const task_context* const context = task_context::current();
    return context ? context->deadline() : scheduler::clock::time_point::max();
}

} // namespace tandem
