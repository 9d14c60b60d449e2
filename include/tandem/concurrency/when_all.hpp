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

#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/outcome.hpp>

#include <memory>
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

// Children of a number known at run time only; they do not move once made.
template <class T>
class child_array {
public:
    explicit child_array(std::size_t capacity)
        : memory_(std::allocator<child<T>>().allocate(capacity)), capacity_(capacity),
          parent_(*task_context::current()) {}
    child_array(const child_array&) = delete;
    child_array& operator=(const child_array&) = delete;
    ~child_array() {
        while (size_ > 0)
            std::destroy_at(memory_ + --size_);
        std::allocator<child<T>>().deallocate(memory_, capacity_);
    }
    child<T>& emplace(task<T>&& work) noexcept {
        return *std::construct_at(memory_ + size_++, std::move(work), parent_);
    }
    child<T>* begin() noexcept { return memory_; }
    child<T>* end() noexcept { return memory_ + size_; }
    std::size_t size() const noexcept { return size_; }

private:
    child<T>* memory_;
    std::size_t capacity_;
    std::size_t size_ = 0;
    task_context& parent_;
};

} // namespace detail

template <class... As>
    requires(detail::awaitable_in_task<As> && ...)
task<detail::all_result_t<await_result_t<As>...>> when_all(As... awaitables) {
    return detail::when_all_tasks(as_task(std::move(awaitables))...);
}

template <class T>
task<detail::all_vector_t<T>> when_all(std::vector<task<T>> tasks) {
    detail::child_array<T> children(tasks.size());
    detail::join all(detail::join_policy::cancel_on_failure, "when_all");
    for (task<T>& t : tasks)
        all.add(children.emplace(std::move(t)));
    co_await all;
    if (all.first_failure()) std::rethrow_exception(all.first_failure());
    if constexpr (!std::is_void_v<T>) {
        std::vector<non_void_t<T>> results;
        results.reserve(tasks.size());
        for (detail::child<T>& c : children)
            results.push_back(c.result());
        co_return results;
    }
}

} // namespace tandem
