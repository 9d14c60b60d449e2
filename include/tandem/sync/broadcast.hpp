// broadcast<T>: every subscriber gets a copy of every item; senders never wait.
//
//     broadcast<line> chat(64);                    // holds the last 64 for those who are slow
//     chat.send(line(...));                        // from any thread
//
//     auto lines = chat.subscribe();               // sees what is sent from now on
//     while (auto next = co_await lines.receive()) {       // ends when the broadcast is closed and drained
//         if (next.lost() > 0) note("missed", next.lost());
//         show(*next);
//     }
//
// A subscriber that is more than `capacity` items behind loses the oldest, and is told how many with the next
// item that it gets. An item is kept until every subscriber has had it or it is pushed out; the last
// subscriber gets it moved instead of copied. Items are copied under a lock: put large ones behind a
// std::shared_ptr<const T>. Any number of senders and subscribers, on any loop; a receiver belongs to one
// task at a time. The broadcast may go before its receivers: that closes it. Cancellation of `receive`:
// throws operation_cancelled; what was not returned is still there for the next call.
#pragma once

#include <tandem/core/error.hpp>
#include <tandem/core/wait_list.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tandem {

// What a receiver of a broadcast gets: an item, and how many were lost before it; or none.
template <class T>
class received {
public:
    received() noexcept {} // none
    received(T&& item, std::uint64_t lost) : item_(std::move(item)), lost_(lost) {}

    bool has_value() const noexcept { return item_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    T& value() { return item_.value(); } // throws std::bad_optional_access when there is none
    T& operator*() noexcept { return *item_; }
    T* operator->() noexcept { return &*item_; }

    // How many items this receiver missed between its last one and this one.
    std::uint64_t lost() const noexcept { return lost_; }

private:
    std::optional<T> item_;
    std::uint64_t lost_ = 0;
};

template <class T>
class broadcast {
    class state;

public:
    class receiver;
    class receive_awaiter;
    class receive_operation;

    // Holds at most `capacity` items (at least 1, any size); their slots are allocated as they are needed.
    explicit broadcast(std::size_t capacity)
        : state_(std::make_shared<state>(std::clamp<std::size_t>(capacity, 1, state::most))) {}
    broadcast(const broadcast&) = delete;
    broadcast& operator=(const broadcast&) = delete;
    ~broadcast() { close(); }

    // Never waits. False when closed. Without subscribers the item is dropped.
    bool send(T item);

    // Sees what is sent from now on, until the handle is destroyed.
    [[nodiscard]] receiver subscribe() { return receiver(state_); }

    std::size_t subscribers() const noexcept {
        const std::lock_guard lock(state_->mutex);
        return state_->subscribers;
    }

    // Refuses later sends; receivers get what is left, then the end. Idempotent.
    void close() noexcept;
    bool closed() const noexcept {
        const std::lock_guard lock(state_->mutex);
        return state_->closed;
    }

private:
    std::shared_ptr<state> state_;
};

template <class T>
class broadcast<T>::receiver {
public:
    receiver(receiver&& other) noexcept : state_(std::move(other.state_)), next_(other.next_) {}
    receiver& operator=(receiver&& other) noexcept {
        if (this != &other) {
            leave();
            state_ = std::move(other.state_);
            next_ = other.next_;
        }
        return *this;
    }
    ~receiver() { leave(); }

    // Waits for the next item. Yields received<T>: none when the broadcast is closed and drained. One task at
    // a time (std::logic_error otherwise). No allocation but the item's own.
    [[nodiscard]] receive_operation receive() noexcept { return receive_operation(*this); }

    // Without waiting: none when there is nothing now.
    received<T> try_receive() {
        const std::lock_guard lock(state_->mutex);
        return state_->take(next_);
    }

private:
    friend class broadcast;
    explicit receiver(const std::shared_ptr<state>& of) noexcept : state_(of) {
        const std::lock_guard lock(state_->mutex);
        ++state_->subscribers;
        next_ = state_->sent;
    }
    void leave() noexcept {
        if (state_) state_->leave(next_);
        state_.reset();
    }

    std::shared_ptr<state> state_; // empty after a move
    std::uint64_t next_ = 0;       // the number of the item to get next
    bool awaited_ = false;
};

// Implementation

// Its own, because receivers may live longer than the broadcast. Item n is in slot n % (capacity + 1), if it
// is still there. So the slot of the next item is free, and a move that throws there spoils none that is
// kept.
template <class T>
class broadcast<T>::state {
public:
    class slot {
    public:
        std::optional<T> item;
        std::size_t unseen = 0; // by how many subscribers
    };

    static constexpr std::size_t most = static_cast<std::size_t>(-1) - 1; // a slot more has a number, too

    explicit state(std::size_t room) : capacity(room) {}
    ~state() { waiters.abandon(); }

    std::uint64_t oldest() const noexcept { return sent > capacity ? sent - capacity : 0; }
    std::size_t index_of(std::uint64_t number) const noexcept {
        return static_cast<std::size_t>(number % (std::uint64_t{capacity} + 1));
    }
    slot& at(std::uint64_t number) noexcept { return slots[index_of(number)]; }

    received<T> take(std::uint64_t& next) {
        const std::uint64_t first = std::max(next, oldest());
        if (first == sent) return received<T>();
        slot& from = at(first);
        if (from.unseen > 1) {
            T copy = *from.item; // may throw: then nothing has happened
            received<T> result(std::move(copy), first - next);
            --from.unseen;
            next = first + 1;
            return result;
        }
        received<T> result(std::move(*from.item), first - next);
        from.item.reset();
        from.unseen = 0;
        next = first + 1;
        return result;
    }

    // The items that nobody else wants are destroyed one by one, outside of the lock: their destructors are
    // the user's. (Those whose move may throw cannot be taken out of it.)
    void leave(std::uint64_t next) noexcept {
        std::unique_lock lock(mutex);
        --subscribers;
        const std::uint64_t end = sent; // later items do not count this subscriber
        for (std::uint64_t n = next; (n = std::max(n, oldest())) < end; ++n) {
            slot& passed = at(n);
            if (--passed.unseen != 0) continue;
            std::optional<T> last;
            if constexpr (std::is_nothrow_move_constructible_v<T>) last.emplace(std::move(*passed.item));
            passed.item.reset();
            lock.unlock();
            last.reset();
            lock.lock();
        }
    }

    void grant_all(wake_chain& to_wake) noexcept {
        while (waiter* const w = waiters.take_front()) {
            static_cast<receive_awaiter*>(w)->grant();
            to_wake.add(*w);
        }
    }

    const std::size_t capacity;
    mutable detail::short_lock mutex;
    std::deque<slot> slots; // grows to `capacity` + 1, and moves nothing then
    std::uint64_t sent = 0;
    std::size_t subscribers = 0;
    bool closed = false;
    wait_list waiters;
};

template <class T>
bool broadcast<T>::send(T item) {
    state& shared = *state_;
    std::optional<T> pushed_out; // goes after the lock was released
    wake_chain to_wake;
    {
        const std::lock_guard lock(shared.mutex);
        if (shared.closed) return false;
        if (shared.subscribers == 0) return true;
        const std::size_t index = shared.index_of(shared.sent);
        if (index >= shared.slots.size()) shared.slots.resize(index + 1);
        typename state::slot& into = shared.slots[index];
        into.item.emplace(std::move(item)); // when it throws nothing has happened
        into.unseen = shared.subscribers;
        ++shared.sent;
        if (shared.sent > shared.capacity) {
            std::optional<T>& oldest = shared.at(shared.sent - 1 - shared.capacity).item;
            if constexpr (std::is_nothrow_move_constructible_v<T>)
                if (oldest) pushed_out.emplace(std::move(*oldest));
            oldest.reset();
        }
        shared.grant_all(to_wake);
    }
    to_wake.wake_all();
    return true;
}

template <class T>
void broadcast<T>::close() noexcept {
    state& shared = *state_;
    wake_chain to_wake;
    {
        const std::lock_guard lock(shared.mutex);
        shared.closed = true;
        shared.grant_all(to_wake);
    }
    to_wake.wake_all();
}

// Granted: there is an item, or the end. It is taken at the resumption; only this receiver could take it.
template <class T>
class broadcast<T>::receive_awaiter : public queued_operation {
public:
    receive_awaiter(receiver& from, task_context& context) noexcept
        : queued_operation(context, from.state_->mutex), from_(from) {}
    ~receive_awaiter() {
        if (waits_) from_.awaited_ = false;
    }

    bool await_ready() const noexcept { return cancelled_before() && refuse_now(); }
    bool await_suspend(std::coroutine_handle<> at) {
        if (cancelled_before()) return requeue(at);
        if (from_.awaited_)
            throw std::logic_error("a receiver of a broadcast is awaited by two tasks at once");
        state& shared = *from_.state_;
        const std::lock_guard lock(guard());
        if (from_.next_ == shared.sent && !shared.closed) {
            waits_ = from_.awaited_ = true;
            return enqueue(shared.waiters, at, "broadcast.receive");
        }
        return grant_now() ? false : requeue(at);
    }
    received<T> await_resume() {
        if (!granted()) throw operation_cancelled("a receive from a broadcast was cancelled");
        return from_.try_receive();
    }

private:
    receiver& from_;
    bool waits_ = false;
};

template <class T>
class broadcast<T>::receive_operation {
public:
    explicit receive_operation(receiver& from) noexcept : from_(from) {}
    receive_awaiter await_in(task_context& context) const noexcept { return receive_awaiter(from_, context); }

private:
    receiver& from_;
};

} // namespace tandem
