// first_success: run several awaitables of one type concurrently until one of them has a value.
//
//     auto stream = co_await first_success(connect(v6), connect(v4));
//     page p = co_await first_success(std::move(fetches_from_mirrors));          // a vector of tasks
//
// The first value wins; the others are cancelled and waited for, then the value is returned. Failures before
// it are dropped, and so is the value of a child that completed although it had lost: where such a value must
// not be lost, use when_any, which hands over every one. When none has a value: `aggregate_error` with
// the exception of each, in the order given; also for an empty vector. Cancellation: passed on to every
// child; throws operation_cancelled when they have ended, unless one of them has a value. Cost: as when_all.
#pragma once

#include <tandem/concurrency/aggregate_error.hpp>
#include <tandem/concurrency/detail/child_row.hpp>
#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/core/error.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

namespace detail {

// Throws what `first_success` throws when there was none.
[[noreturn]] void throw_no_success(std::vector<std::exception_ptr> failures);

} // namespace detail

template <class T>
task<T> first_success(std::vector<task<T>> tasks) {
    detail::child_row<T> children(tasks);
    detail::join race(detail::join_policy::cancel_on_success, "first_success");
    co_await race.of(children);
    if (race.first_success() != detail::join::none) co_return children[race.first_success()].result();
    if (race.waiter().cancelled()) throw operation_cancelled("a first_success was cancelled");
    std::vector<std::exception_ptr> failures;
    for (std::size_t i = 0; i < children.size(); ++i)
        failures.push_back(children[i].failure());
    detail::throw_no_success(std::move(failures));
}

template <class A, class... As>
    requires(detail::awaitable_in_task<A> && (detail::awaitable_in_task<As> && ...) &&
             (std::is_same_v<await_result_t<A>, await_result_t<As>> && ...))
task<await_result_t<A>> first_success(A first, As... others) {
    std::vector<task<await_result_t<A>>> tasks;
    tasks.reserve(1 + sizeof...(As));
    tasks.push_back(as_task(std::move(first)));
    (tasks.push_back(as_task(std::move(others))), ...);
    return first_success(std::move(tasks));
}

} // namespace tandem
