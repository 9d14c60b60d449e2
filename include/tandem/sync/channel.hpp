// channel<T>: a queue between tasks, bounded or not, closable.
//
//     channel<page> pages(16);
//     if (!co_await pages.send(std::move(p))) ...          // false: closed, the value was not taken
//     while (auto p = co_await pages.receive()) use(*p);   // ends when the channel is closed and empty
//
// `send` waits while `capacity` items are queued (backpressure); capacity 0 is a rendezvous: `send` waits for
// its receiver. Any number of senders and receivers, FIFO on both sides, thread-safe across loops. Items are
// moved, never copied. `close` refuses later sends, lets waiting senders return false, and lets receivers
// drain what is queued. `select` (tandem/sync/select.hpp) waits for several channels at once.
//
// Cancellation: leaves the queue, throws operation_cancelled. An item is never lost to it: one that was
// handed to a receiver is returned by that `receive` even if it was cancelled at the same time, and a
// cancelled `send` has not sent. The channel must outlive its waiters. No allocation but the buffer's, which
// grows up to the capacity as it is needed and is then kept.
#pragma once

#include <tandem/sync/detail/channel_core.hpp>
#include <tandem/sync/detail/ring.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace tandem {

template <class T>
class channel : public detail::channel_core<T, detail::ring<T>> {
    using core = detail::channel_core<T, detail::ring<T>>;

public:
    explicit channel(std::size_t most_queued) : core(most_queued) {}

    // A channel whose `send` never waits: `auto events = channel<event>::unbounded();`. Nothing slows down
    // its senders: prefer a capacity.
    static channel unbounded() { return channel(static_cast<std::size_t>(-1)); }

    // send(T value): yields bool, false when the channel is closed.
    using core::send;

    // receive(): yields std::optional<T>, empty when the channel is closed and drained.
    using core::receive;

    // receive_some(std::size_t most): waits for an item and takes up to `most` (at least 1) that are there
    // together with it. Yields std::vector<T>, empty when the channel is closed and drained.
    using core::receive_some;

    // try_send(T&), try_send(T&&): without waiting, from any thread. When it returns false (full or closed)
    // the value was left alone.
    using core::try_send;

    // try_receive(): without waiting; std::optional<T>, empty when there is none.
    using core::try_receive;

    // try_receive_some(std::size_t most): all that is there up to `most`; std::vector<T>.
    using core::try_receive_some;

    using core::capacity; // as given
    using core::close;    // idempotent
    using core::closed;   // bool
    using core::size;     // items queued
};

} // namespace tandem
