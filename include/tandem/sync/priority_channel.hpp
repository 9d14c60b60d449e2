// priority_channel<T, Compare>: a bounded channel that gives the most important item first.
//
//     priority_channel<job, by_urgency> jobs(1000);        // as in std::priority_queue: the greatest first
//     co_await jobs.send(std::move(j));
//     while (auto job = co_await jobs.receive()) run(*job);
//
// Among equal items first in, first out. Otherwise as `channel`: `send` waits while `capacity` items are
// queued, `close` refuses sends and lets receivers drain, `select` works on it, cancellation loses nothing.
// Senders that wait are served in order of arrival, whatever they bring: an item has no rank before it is
// queued. O(log n) an item. `Compare` is called under the channel's lock: it must be quick, and not throw.
#pragma once

#include <tandem/sync/detail/channel_core.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

namespace detail {

// A binary heap whose items are numbered, so that equal ones come out in the order in which they came in.
template <class T, class Compare>
class stable_heap {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>,
                  "priority_channel: the move of an item may not throw");

public:
    explicit stable_heap(Compare less) : less_(std::move(less)) {}

    bool empty() const noexcept { return entries_.empty(); }
    std::size_t size() const noexcept { return entries_.size(); }

    void push(T&& value) {
        entries_.emplace_back(std::move(value), next_); // `value` is as before when memory runs out
        ++next_;
        std::push_heap(entries_.begin(), entries_.end(), order(less_));
    }
    void pop(std::optional<T>& into) {
        std::pop_heap(entries_.begin(), entries_.end(), order(less_));
        into.emplace(std::move(entries_.back().value));
        entries_.pop_back();
    }

private:
    class entry {
    public:
        entry(T&& v, std::uint64_t n) noexcept : value(std::move(v)), number(n) {}
        T value;
        std::uint64_t number;
    };
    class order {
    public:
        explicit order(Compare& less) noexcept : less_(less) {}
        bool operator()(const entry& a, const entry& b) const {
            if (less_(a.value, b.value)) return true;
            if (less_(b.value, a.value)) return false;
            return a.number > b.number;
        }

    private:
        Compare& less_;
    };

    Compare less_;
    std::vector<entry> entries_;
    std::uint64_t next_ = 0;
};

} // namespace detail

template <class T, class Compare = std::less<T>>
class priority_channel : public detail::channel_core<T, detail::stable_heap<T, Compare>> {
    using core = detail::channel_core<T, detail::stable_heap<T, Compare>>;

public:
    // At least 1: without a queue there is no order.
    explicit priority_channel(std::size_t most_queued, Compare less = Compare())
        : core(std::max<std::size_t>(most_queued, 1), std::move(less)) {}

    // As in channel.
    using core::capacity;
    using core::close;
    using core::closed;
    using core::receive;
    using core::receive_some; // the most important ones, in order
    using core::send;
    using core::size;
    using core::try_receive;
    using core::try_receive_some;
    using core::try_send;
};

} // namespace tandem
