// The waiter list that every suspending primitive shares.
//
// A primitive (semaphore, channel, event ...) keeps its state and a FIFO `wait_list` under one short lock. A
// task that must wait puts a `waiter`, which lives in its coroutine frame, into the list. Whoever satisfies
// it takes it out under the lock, marks it granted, and wakes it after the lock was released. Whoever cancels
// it takes it out under the same lock. So each waiter ends exactly one way: granted, or cancelled; never
// both, never lost.
//
// `queued_operation` is the part of it that all awaiters have in common.
//
// Why the waker may touch a waiter after it let go of the lock. In a running program a granted waiter is
// neither in the list nor scheduled, so nobody but its waker can make its frame go away. But a runtime that
// is destroyed destroys every frame that still waits, on its own thread, while other threads may use a
// primitive that lives longer: such a thread may just have taken a waiter out, and be about to wake it.
// Therefore
//   - `take` counts the thread in the waiter's scheduler (`waker_begins`) before the waiter leaves the list,
//     and `wake_taken` ends that (`waker_done`) as the last thing it does: the scheduler's destructor, too,
//     waits for it, because the woken task may have run, and ended its runtime, before the waker is done;
//   - a waiter that is destroyed while its scheduler is torn down finds itself in the list (it leaves, under
//     the lock), or taken (it waits until the scheduler has no waker left), or has been resumed before.
// What a waker writes into a waiter (an item, a failure) it writes after `take`; so a class that adds such
// members calls `leave_queue` in its own destructor, before they go.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/sync_policy.hpp>

#include <atomic>
#include <coroutine>
#include <mutex>

namespace tandem {

class wait_list;

class waiter {
public:
    explicit waiter(task_context& context) noexcept : context_(context) {}
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    task_context& context() const noexcept { return context_; }
    bool linked() const noexcept { return list_ != nullptr; } // under the list's lock
    wait_list* list() const noexcept { return list_; }        // the same
    void wake() noexcept { context_.wake(); }

    // For who took this one with `wait_list::take`, once, and last of all. Nobody is woken on a scheduler
    // that is being torn down.
    void wake_taken() noexcept {
        scheduler& home = context_.home();
        if (!home.torn_down()) context_.wake();
        home.waker_done();
    }

protected:
    // Where it is; may be asked without the lock by who owns it.
    enum class place : unsigned char {
        nowhere, // was never in a list, or has left it by itself
        queued,
        taken, // out of it: was woken, or will be
    };
    place where() const noexcept { return place_.load(std::memory_order_acquire); }

    // Waits until nobody is about to wake this one any more. Only for one that will not be resumed.
    void wait_for_waker() const noexcept {
        if (where() == place::taken) context_.home().wait_for_wakers();
    }

private:
    friend class wait_list;
    friend class wake_chain;
    task_context& context_;
    waiter* next_ = nullptr; // in a list or in a chain of waiters to wake
    waiter* prev_ = nullptr;
    wait_list* list_ = nullptr;
    std::atomic<place> place_{place::nowhere};
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
        w.place_.store(waiter::place::queued, std::memory_order_relaxed);
        w.list_ = this;
        w.next_ = nullptr;
        w.prev_ = last_;
        (last_ ? last_->next_ : first_) = &w;
        last_ = &w;
    }

    // Out of the list, by the one who will wake it: `wake_taken`, after the lock was released.
    void take(waiter& w) noexcept {
        w.context_.home().waker_begins();
        unlink(w);
        w.place_.store(waiter::place::taken, std::memory_order_release); // after it is counted, see above
    }
    waiter* take_front() noexcept {
        waiter* const w = first_;
        if (w) take(*w);
        return w;
    }

    // Out of the list, by the waiter's own scheduler, or by whoever will not touch it any more.
    void remove(waiter& w) noexcept {
        unlink(w);
        w.place_.store(waiter::place::nowhere, std::memory_order_release);
    }
    waiter* pop_front() noexcept {
        waiter* const w = first_;
        if (w) remove(*w);
        return w;
    }

    // For the destructor of a primitive: whoever still waits will not look for the list any more. That
    // happens when a runtime is torn down, never in a running program.
    void abandon() noexcept {
        while (pop_front()) {
        }
    }

private:
    void unlink(waiter& w) noexcept {
        (w.prev_ ? w.prev_->next_ : first_) = w.next_;
        (w.next_ ? w.next_->prev_ : last_) = w.prev_;
        w.next_ = w.prev_ = nullptr;
        w.list_ = nullptr;
    }

    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
};

// Waiters that were taken out of their list (`wait_list::take`) and granted, under the lock: woken, oldest
// first, after it was released.
class wake_chain {
public:
    wake_chain() = default;
    // Whoever was taken out of a list is woken even when an exception comes between. So a chain is declared
    // before the lock is taken.
    ~wake_chain() { wake_all(); }
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

    // Touches nothing but the waiters: the primitive may be gone as soon as the first of them runs.
    void wake_all() noexcept {
        while (first_) {
            waiter& w = *first_;
            first_ = w.next_; // read before the wake: afterwards it may be gone
            w.wake_taken();
        }
        tail_ = &first_;
    }

private:
    waiter* first_ = nullptr;
    waiter** tail_ = &first_;
};

// The awaiter of an operation that may have to stand in a primitive's queue. It is part of the awaiting
// coroutine's frame; the primitive's own awaiter derives from it:
//
//     bool await_ready()                      // try without waiting
//         if (cancelled_before()) return refuse_now();
//         const std::lock_guard lock(guard());
//         return attempt_under_lock() && grant_now();
//     bool await_suspend(handle at)
//         if (settled()) return requeue(at);  // granted or refused above, but the budget is spent
//         const std::lock_guard lock(guard());
//         if (attempt_under_lock()) { grant(); return requeue(at); }
//         return enqueue(owner.waiters_, at, "semaphore.acquire");
//     T await_resume()
//         if (!granted()) throw operation_cancelled("...");
//
// Whoever satisfies a waiter takes it (`wait_list::take`) and calls `grant` under the lock, then wakes it.
class queued_operation : public waiter, private cancel_hook {
public:
    queued_operation(const queued_operation&) = delete;
    queued_operation& operator=(const queued_operation&) = delete;

    // Guarded by the primitive's lock as long as the waiter is in a list; the awaiting task's afterwards.
    bool granted() const noexcept { return granted_; }
    void grant() noexcept { granted_ = true; }

protected:
    // `guard` is the primitive's lock.
    queued_operation(task_context& context, detail::short_lock& guard) noexcept
        : waiter(context), cancel_hook(&queued_operation::on_cancel), guard_(guard) {}
    // A frame that is destroyed while it waits leaves the queue. That is silent only when its runtime is
    // being destroyed; otherwise a diagnostic tells where the lost task stood.
    ~queued_operation() { leave_queue(); }

    // The destructor's work. A class that overrides `withdrawn`, or has members that a waker writes, calls it
    // first in its own destructor: later they are gone.
    void leave_queue() noexcept {
        const place now = where();
        if (now == place::queued || (now == place::taken && context().home().torn_down())) [[unlikely]]
            leave_destroyed();
    }

    detail::short_lock& guard() const noexcept { return guard_; }

    bool cancelled_before() const noexcept { return context().cancelled(); }

    // An operation that is refused costs budget as one that is granted: a task that takes no notice of its
    // cancellation must not keep the loop from everything else.
    bool refuse_now() const noexcept { return context().spend(); }

    // Whether `await_ready` has decided already, and it only remains to give way.
    bool settled() const noexcept { return granted_ || cancelled_before(); }

    // True when the task may go on at once; false when it has to give way to others first (the grant stays).
    bool grant_now() noexcept {
        granted_ = true;
        return context().spend();
    }
    bool requeue(std::coroutine_handle<> at) noexcept {
        context().requeue(at);
        return true;
    }

    // Under the lock. `operation`: a literal, for people.
    bool enqueue(wait_list& list, std::coroutine_handle<> at, const char* operation) noexcept {
        context().suspend(at, this, operation);
        list.push_back(*this);
        return true;
    }

    // Told, under the lock, that this waiter has left the queue without a grant: what waited behind it may be
    // able to go on; it is added to `to_wake`.
    virtual void withdrawn(wake_chain& to_wake) noexcept;

private:
    static void on_cancel(cancel_hook& hook) noexcept;
    void leave_destroyed() noexcept;

    detail::short_lock& guard_;
    bool granted_ = false;
};

} // namespace tandem
