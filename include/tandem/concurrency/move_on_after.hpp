// move_on_after: an awaitable with a limit on its time, where being late is no failure.
//
//     std::optional<page> cached = co_await move_on_after(50ms, cache.find(url));
//     const bool closed = co_await move_on_after(1s, socket.close());      // void: whether it was done
//
// As with_timeout (see there for deadlines and cancellation), but when the time is up it gives nullopt or
// false instead of an exception. Other exceptions of the child are rethrown. A result of type T& comes as
// std::reference_wrapper<T>.
#pragma once

#include <tandem/concurrency/detail/limited_child.hpp>
#include <tandem/concurrency/outcome.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>

namespace tandem {

template <class T>
using in_time_t = std::conditional_t<std::is_void_v<T>, bool, std::optional<non_void_t<T>>>;

namespace detail {

template <class T>
task<in_time_t<T>> run_or_move_on(std::chrono::nanoseconds limit, task<T> work) {
    limited_child<T> child(std::move(work), deadline_after(limit), "move_on_after");
    co_await child.end();
    in_time_t<T> result{};
    if (!child.timed_out()) {
        if constexpr (std::is_void_v<T>) {
            child.result();
            result = true;
        } else {
            result.emplace(child.result());
        }
    }
    co_return result;
}

} // namespace detail

template <class A>
    requires detail::awaitable_in_task<A>
task<in_time_t<await_result_t<A>>> move_on_after(time_span limit, A awaitable) {
    return detail::run_or_move_on(limit, as_task(std::move(awaitable)));
}

template <class F, class... Args>
    requires detail::callable_work<F, Args...>
task<in_time_t<invoke_awaited_t<F, Args...>>> move_on_after(time_span limit, F f, Args... args) {
    return detail::run_or_move_on(limit, tandem::invoke(std::move(f), std::move(args)...));
}

} // namespace tandem
