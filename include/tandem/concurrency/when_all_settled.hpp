// when_all_settled: run several awaitables concurrently, wait for all of them, and learn how each ended.
//
//     auto [user, ads] = co_await when_all_settled(load_user(id), load_ads(id));   // outcomes, not values
//     show(user.value(), ads ? *ads : no_ads());
//
//     std::vector<outcome<page>> pages = co_await when_all_settled(std::move(fetches));
//
// A failure cancels nobody and is not thrown: it is in that child's `outcome`, whose `value()` rethrows it.
// Cancellation: passed on to every child; when they have ended, their outcomes are handed over all the same,
// so nothing that arrived is lost; the caller's next operation throws. An empty vector or pack gives an empty
// result at once. Cost: as when_all.
#pragma once

#include <tandem/concurrency/detail/child_row.hpp>
#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/outcome.hpp>
#include <tandem/concurrency/when_all.hpp>

#include <tuple>
#include <utility>
#include <vector>

namespace tandem {

namespace detail {

template <class... Ts>
task<std::tuple<outcome<Ts>...>> when_all_settled_tasks(task<Ts>... tasks) {
    std::tuple<child<Ts>...> children(std::move(tasks)...);
    join all(join_policy::wait, "when_all_settled");
    std::apply([&all](auto&... c) { (all.add(c), ...); }, children);
    co_await all;
    co_return std::apply([](auto&... c) { return std::tuple<outcome<Ts>...>(outcome_of<Ts>(c)...); },
                         children);
}

} // namespace detail

// A tuple of outcomes, in argument order.
template <class... As>
    requires(detail::awaitable_in_task<As> && ...)
task<std::tuple<outcome<await_result_t<As>>...>> when_all_settled(As... awaitables) {
    return detail::when_all_settled_tasks(as_task(std::move(awaitables))...);
}

// A vector of outcomes, in the order given.
template <class T>
task<std::vector<outcome<T>>> when_all_settled(std::vector<task<T>> tasks) {
    detail::child_row<T> children(tasks);
    detail::join all(detail::join_policy::wait, "when_all_settled");
    co_await all.of(children);
    co_return detail::outcomes_of(children);
}

} // namespace tandem
