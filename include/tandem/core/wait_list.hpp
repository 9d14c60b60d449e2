// The waiter list that every suspending primitive shares.
//
// A primitive (semaphore, channel, event ...) keeps its state and a FIFO `wait_list` under one short lock. A
// task that must wait puts a `waiter`, which lives in its coroutine frame, into the list. Whoever satisfies
// it takes it out under the lock, marks it granted, and wakes it after the lock was released. Whoever cancels
// it takes it out under the same lock. So each waiter ends exactly one way: granted, or cancelled; never
// both, never lost.
//
// Why the waker may touch a waiter after it let go of the lock: a granted waiter is neither in the list nor
// scheduled, so nobody but its waker can make its frame go away.
#pragma once

#include <tandem/core/context.hpp>

namespace tandem {

class wait_list;

class waiter {
public:
    explicit waiter(task_context& context) noexcept : context_(context) {}
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    task_context& context() const noexcept { return context_; }
    bool linked() const noexcept { return list_ != nullptr; }
    void wake() noexcept { context_.wake(); }

private:
    friend class wait_list;
    friend class wake_chain;
    task_context& context_;
    waiter* next_ = nullptr; // in a list or in a chain of waiters to wake
    waiter* prev_ = nullptr;
    wait_list* list_ = nullptr;
};

// Not thread-safe: guarded by its primitive's lock. All operations are O(1).
class wait_list {
public:
    wait_list() = default;
    wait_list(const wait_list&) = delete;
    wait_list& operator=(const wait_list&) = delete;

    bool empty() const noexcept { return first_ == nullptr; }
    waiter* front() const noexcept { return first_; }

    void push_back(waiter& w) noexcept {
        w.list_ = this;
        w.next_ = nullptr;
        w.prev_ = last_;
        (last_ ? last_->next_ : first_) = &w;
        last_ = &w;
    }

    waiter* pop_front() noexcept {
        waiter* const w = first_;
        if (w) remove(*w);
        return w;
    }

    void remove(waiter& w) noexcept {
        (w.prev_ ? w.prev_->next_ : first_) = w.next_;
        (w.next_ ? w.next_->prev_ : last_) = w.prev_;
        w.next_ = w.prev_ = nullptr;
        w.list_ = nullptr;
    }

private:
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
};

// Waiters that were granted, and taken out of their list, under the lock: woken, oldest first, after it was
// released.
class wake_chain {
public:
    wake_chain() = default;
    wake_chain(wake_chain&& other) noexcept : first_(other.first_) {
        if (first_) tail_ = other.tail_;
        other.first_ = nullptr;
        other.tail_ = &other.first_;
    }
    wake_chain& operator=(wake_chain&&) = delete;

    void add(waiter& w) noexcept {
        *tail_ = &w;
        tail_ = &w.next_;
    }

    // Touches nothing but the waiters: the primitive may be gone as soon as the first of them runs. Nobody is
    // woken on a scheduler that is being torn down.
    void wake_all() noexcept {
        while (first_) {
            waiter& w = *first_;
            first_ = w.next_; // read before the wake: afterwards it may be gone
            if (!w.context().home().torn_down()) w.wake();
        }
        tail_ = &first_;
    }

private:
    waiter* first_ = nullptr;
    waiter** tail_ = &first_;
};

} // namespace tandem
