// when_any: run several awaitables concurrently until the first ends; the others are cancelled and waited
// for.
//
//     auto race = co_await when_any(channel.receive(), sleep_for(1s));
//     if (race.get<0>()) use(race.get<0>().value());     // received: even when the timer was first by a hair
//
// Nothing is lost: the result holds an outcome for every child, and a child that completed although it lost
// the race hands over its value all the same. So look at the outcomes, not at `index` alone. Failure:
// when_any does not throw what its children threw; `outcome::value()` does. Cancellation: passed on to every
// child; when_any ends when they have all ended, and throws operation_cancelled only when none of them has
// completed with a value. An empty vector gives `index == npos` at once.
#pragma once

#include <tandem/concurrency/detail/child_row.hpp>
#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/outcome.hpp>
#include <tandem/concurrency/when_all.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

namespace tandem {

inline constexpr std::size_t npos = static_cast<std::size_t>(-1);

template <class... Ts>
class any_result {
public:
    any_result(std::size_t first, std::tuple<outcome<Ts>...> outcomes)
        : index_(first), outcomes_(std::move(outcomes)) {}

    std::size_t index() const noexcept { return index_; } // the child that ended first
    template <std::size_t I>
    auto& get() noexcept {
        return std::get<I>(outcomes_);
    }
    template <std::size_t I>
    const auto& get() const noexcept {
        return std::get<I>(outcomes_);
    }

private:
    std::size_t index_;
    std::tuple<outcome<Ts>...> outcomes_;
};

template <class T>
class any_vector_result {
public:
    any_vector_result(std::size_t first, std::vector<outcome<T>> all)
        : index(first), outcomes(std::move(all)) {}

    std::size_t index;                // the child that ended first
    std::vector<outcome<T>> outcomes; // of every child, in the order given
};

namespace detail {

template <class... Ts>
task<any_result<Ts...>> when_any_tasks(task<Ts>... tasks) {
    std::tuple<child<Ts>...> children(std::move(tasks)...);
    join race(join_policy::cancel_on_first, "when_any");
    std::apply([&race](auto&... c) { (race.add(c), ...); }, children);
    co_await race;
    std::tuple<outcome<Ts>...> outcomes =
        std::apply([](auto&... c) { return std::tuple<outcome<Ts>...>(outcome_of<Ts>(c)...); }, children);
    if (race.waiter().cancelled() && !std::apply([](auto&... o) { return (o.has_value() || ...); }, outcomes))
        throw operation_cancelled();
    co_return any_result<Ts...>(race.first_ended(), std::move(outcomes));
}

} // namespace detail

template <class... As>
    requires(sizeof...(As) > 0 && (detail::awaitable_in_task<As> && ...))
task<any_result<await_result_t<As>...>> when_any(As... awaitables) {
    return detail::when_any_tasks(as_task(std::move(awaitables))...);
}

template <class T>
task<any_vector_result<T>> when_any(std::vector<task<T>> tasks) {
    detail::child_row<T> children(tasks);
    detail::join race(detail::join_policy::cancel_on_first, "when_any");
    co_await race.of(children);
    std::vector<outcome<T>> outcomes = detail::outcomes_of(children);
    const bool any_value = tasks.empty() || std::any_of(outcomes.begin(), outcomes.end(),
                                                        [](const auto& o) { return o.has_value(); });
    if (race.waiter().cancelled() && !any_value) throw operation_cancelled();
    co_return any_vector_result<T>(race.first_ended(), std::move(outcomes));
}

} // namespace tandem
