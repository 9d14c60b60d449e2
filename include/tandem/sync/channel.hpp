// channel<T>: a bounded queue between tasks, closable.
//
//     channel<page> pages(16);
//     if (!co_await pages.send(std::move(p))) ...          // false: closed, the value was not taken
//     while (auto p = co_await pages.receive()) use(*p);   // ends when the channel is closed and empty
//
// `send` waits while `capacity` items are queued (backpressure); capacity 0 is a rendezvous: `send` waits for
// its receiver. Any number of senders and receivers, FIFO on both sides, thread-safe across loops. Items are
// moved, never copied. `close` refuses later sends, lets waiting senders return false, and lets receivers
// drain what is queued. Cancellation: leaves the queue, throws operation_cancelled. An item is never lost to
// it: one that was handed to a receiver is returned by that `receive` even if it was cancelled at the same
// time, and a cancelled `send` has not sent. The channel must outlive its waiters. No allocation but the
// buffer's (a deque).
#pragma once

#include <tandem/core/error.hpp>
#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace tandem {

template <class T>
class channel {
    class send_awaiter;
    class receive_awaiter;

public:
    using value_type = T;

    explicit channel(std::size_t capacity) : capacity_(capacity) {}
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel() {
        // Only when a runtime is torn down: waiters must not look for these lists any more.
        while (senders_.pop_front()) {
        }
        while (receivers_.pop_front()) {
        }
    }

    class send_operation;
    class receive_operation;

    // Yields bool: false when the channel is closed.
    [[nodiscard]] send_operation send(T value) { return send_operation(*this, std::move(value)); }

    // Yields std::optional<T>: empty when the channel is closed and drained.
    [[nodiscard]] receive_operation receive() noexcept { return receive_operation(*this); }

    // Without waiting. try_send leaves `value` alone when it returns false (full or closed).
    bool try_send(T& value);
    std::optional<T> try_receive();

    void close() noexcept; // idempotent

    bool closed() const noexcept {
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    std::size_t size() const noexcept { // items queued
        const std::lock_guard lock(mutex_);
        return queue_.size();
    }
    std::size_t capacity() const noexcept { return capacity_; }

private:
    bool put(T& value, waiter*& to_wake);                // mutex_ held; true when taken
    bool take(std::optional<T>& into, waiter*& to_wake); // mutex_ held; true when there was an item

    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::deque<T> queue_;
    bool closed_ = false;
    wait_list senders_;
    wait_list receivers_;
};

// Implementation

template <class T>
class channel<T>::send_awaiter : private waiter, private cancel_hook {
public:
    send_awaiter(channel& owner, T&& value, task_context& context)
        : waiter(context), cancel_hook(&send_awaiter::on_cancel), owner_(owner), value_(std::move(value)) {}
    ~send_awaiter() {
        if (!linked()) return;
        const std::lock_guard lock(owner_.mutex_);
        if (linked()) owner_.senders_.remove(*this);
    }

    bool await_ready() {
        if (context().cancelled()) {
            state_ = state::cancelled;
            return true;
        }
        return attempt() && context().spend();
    }

    bool await_suspend(std::coroutine_handle<> at) {
        waiter* to_wake = nullptr;
        std::unique_lock lock(owner_.mutex_);
        if (state_ == state::waiting && !settle(to_wake)) {
            context().suspend(at, this, "channel.send");
            owner_.senders_.push_back(*this);
            return true;
        }
        lock.unlock();
        if (to_wake) to_wake->wake();
        context().requeue(at);
        return true;
    }

    bool await_resume() const {
        if (state_ == state::cancelled) throw operation_cancelled("a send to a channel was cancelled");
        return state_ == state::sent;
    }

private:
    friend class channel;
    enum class state { waiting, sent, refused, cancelled }; // guarded by the channel's mutex while linked

    bool settle(waiter*& to_wake) {
        if (owner_.closed_)
            state_ = state::refused;
        else if (owner_.put(value_, to_wake))
            state_ = state::sent;
        else
            return false;
        return true;
    }

    bool attempt() {
        waiter* to_wake = nullptr;
        bool settled = false;
        {
            const std::lock_guard lock(owner_.mutex_);
            settled = settle(to_wake);
        }
        if (to_wake) to_wake->wake();
        return settled;
    }

    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<send_awaiter&>(hook);
        {
            const std::lock_guard lock(self.owner_.mutex_);
            if (!self.linked()) return;
            self.owner_.senders_.remove(self);
            self.state_ = state::cancelled;
        }
        self.wake();
    }

    channel& owner_;
    T value_;
    state state_ = state::waiting;
};

template <class T>
class channel<T>::receive_awaiter : private waiter, private cancel_hook {
public:
    receive_awaiter(channel& owner, task_context& context) noexcept
        : waiter(context), cancel_hook(&receive_awaiter::on_cancel), owner_(owner) {}
    ~receive_awaiter() {
        if (!linked()) return;
        const std::lock_guard lock(owner_.mutex_);
        if (linked()) owner_.receivers_.remove(*this);
    }

    bool await_ready() {
        if (context().cancelled()) {
            state_ = state::cancelled;
            return true;
        }
        waiter* to_wake = nullptr;
        {
            const std::lock_guard lock(owner_.mutex_);
            settle(to_wake);
        }
        if (to_wake) to_wake->wake();
        return state_ == state::settled && context().spend();
    }

    bool await_suspend(std::coroutine_handle<> at) {
        waiter* to_wake = nullptr;
        std::unique_lock lock(owner_.mutex_);
        if (state_ == state::waiting && !settle(to_wake)) {
            context().suspend(at, this, "channel.receive");
            owner_.receivers_.push_back(*this);
            return true;
        }
        lock.unlock();
        if (to_wake) to_wake->wake();
        context().requeue(at);
        return true;
    }

    std::optional<T> await_resume() {
        if (state_ == state::cancelled) throw operation_cancelled("a receive from a channel was cancelled");
        return std::move(value_);
    }

private:
    friend class channel;
    enum class state { waiting, settled, cancelled }; // guarded by the channel's mutex while linked

    bool settle(waiter*& to_wake) {
        if (!owner_.take(value_, to_wake) && !owner_.closed_) return false;
        state_ = state::settled;
        return true;
    }

    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<receive_awaiter&>(hook);
        {
            const std::lock_guard lock(self.owner_.mutex_);
            if (!self.linked()) return;
            self.owner_.receivers_.remove(self);
            self.state_ = state::cancelled;
        }
        self.wake();
    }

    channel& owner_;
    std::optional<T> value_;
    state state_ = state::waiting;
};

template <class T>
class channel<T>::send_operation {
public:
    send_operation(channel& owner, T&& value) : owner_(owner), value_(std::move(value)) {}
    send_awaiter await_in(task_context& context) { return send_awaiter(owner_, std::move(value_), context); }

private:
    channel& owner_;
    T value_;
};

template <class T>
class channel<T>::receive_operation {
public:
    explicit receive_operation(channel& owner) noexcept : owner_(owner) {}
    receive_awaiter await_in(task_context& context) const noexcept {
        return receive_awaiter(owner_, context);
    }

private:
    channel& owner_;
};

template <class T>
bool channel<T>::put(T& value, waiter*& to_wake) {
    if (waiter* const w = receivers_.front()) { // receivers wait only while the queue is empty
        auto& receiver = static_cast<receive_awaiter&>(*w);
        receiver.value_.emplace(std::move(value)); // may throw: then the receiver still waits
        receivers_.remove(*w);
        receiver.state_ = receive_awaiter::state::settled;
        to_wake = w;
        return true;
    }
    if (queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(value));
    return true;
}

template <class T>
bool channel<T>::take(std::optional<T>& into, waiter*& to_wake) {
    waiter* sender = nullptr;
    if (!queue_.empty()) {
        into.emplace(std::move(queue_.front()));
        queue_.pop_front();
        sender = senders_.front();
        if (sender) queue_.push_back(std::move(static_cast<send_awaiter&>(*sender).value_));
    } else {
        sender = senders_.front(); // capacity 0: straight from the sender
        if (!sender) return false;
        into.emplace(std::move(static_cast<send_awaiter&>(*sender).value_));
    }
    if (sender) {
        senders_.remove(*sender);
        static_cast<send_awaiter&>(*sender).state_ = send_awaiter::state::sent;
        to_wake = sender;
    }
    return true;
}

template <class T>
bool channel<T>::try_send(T& value) {
    waiter* to_wake = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || !put(value, to_wake)) return false;
    }
    if (to_wake) to_wake->wake();
    return true;
}

template <class T>
std::optional<T> channel<T>::try_receive() {
    waiter* to_wake = nullptr;
    std::optional<T> value;
    {
        const std::lock_guard lock(mutex_);
        take(value, to_wake);
    }
    if (to_wake) to_wake->wake();
    return value;
}

template <class T>
void channel<T>::close() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        while (waiter* const w = senders_.pop_front()) {
            static_cast<send_awaiter&>(*w).state_ = send_awaiter::state::refused;
            to_wake.add(*w);
        }
        while (waiter* const w = receivers_.pop_front()) {
            static_cast<receive_awaiter&>(*w).state_ = receive_awaiter::state::settled;
            to_wake.add(*w);
        }
    }
    to_wake.wake_all();
}

} // namespace tandem
