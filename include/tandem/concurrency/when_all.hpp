// when_all: run several awaitables concurrently and wait for all of them.
//
//     auto [user, posts] = co_await when_all(load_user(id), load_posts(id));   // a tuple, in argument order
//     std::vector<page> pages = co_await when_all(std::move(fetches));         // a vector, in range order
//
// `void` results: std::monostate in the tuple; when every one is void the result is void. References: as such
// in the tuple, std::reference_wrapper in a vector.
// Order: the children begin in order, inside of the co_await (beyond 128 they are queued), and when none has
// to wait it does not either. Failure: the first exception is rethrown after the others were cancelled and
// have ended. Exceptions that siblings throw after that are dropped; where each counts, use a task_group,
// which keeps them all. Cancellation: passed on to every child; when_all ends when they have all ended. Cost:
// no allocation for a pack (the children's contexts live in its frame); one array for a range.
#pragma once

#include <tandem/concurrency/detail/child_row.hpp>
#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/outcome.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

namespace detail {

template <class T>
using tuple_value_t = std::conditional_t<std::is_reference_v<T>, T, non_void_t<T>>;

template <class T>
tuple_value_t<T> result_or_monostate(child<T>& c) {
    if constexpr (std::is_void_v<T>) {
        c.result();
        return std::monostate();
    } else {
        return c.result();
    }
}

template <class... Ts>
using all_result_t = std::conditional_t<(std::is_void_v<Ts> && ...), void, std::tuple<tuple_value_t<Ts>...>>;

template <class T>
using all_vector_t = std::conditional_t<std::is_void_v<T>, void, std::vector<non_void_t<T>>>;

template <class... Ts>
task<all_result_t<Ts...>> when_all_tasks(task<Ts>... tasks) {
    std::tuple<child<Ts>...> children(std::move(tasks)...);
    join all(join_policy::cancel_on_failure, "when_all");
    std::apply([&all](auto&... c) { (all.add(c), ...); }, children);
    co_await all;
    if (all.first_failure()) std::rethrow_exception(all.first_failure());
    if constexpr (!(std::is_void_v<Ts> && ...)) {
        co_return std::apply(
            [](auto&... c) { return std::tuple<tuple_value_t<Ts>...>(result_or_monostate(c)...); }, children);
    }
}

} // namespace detail

template <class... As>
    requires(detail::awaitable_in_task<As> && ...)
task<detail::all_result_t<await_result_t<As>...>> when_all(As... awaitables) {
    return detail::when_all_tasks(as_task(std::move(awaitables))...);
}

template <class T>
task<detail::all_vector_t<T>> when_all(std::vector<task<T>> tasks) {
    detail::child_row<T> children(tasks);
    detail::join all(detail::join_policy::cancel_on_failure, "when_all");
    co_await all.of(children);
    if (all.first_failure()) std::rethrow_exception(all.first_failure());
    if constexpr (!std::is_void_v<T>) {
        std::vector<non_void_t<T>> results;
        results.reserve(children.size());
        for (std::size_t i = 0; i < children.size(); ++i)
            results.push_back(children[i].result());
        co_return results;
    }
}

} // namespace tandem
