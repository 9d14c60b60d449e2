// mutex: mutual exclusion between tasks that suspend while they hold it.
//
//     mutex state_mutex;
//     auto guard = co_await state_mutex.lock();
//     co_await save(state);                       // others wait without blocking their loop
//
// Needed only where a critical section contains a `co_await`, or where tasks of several loops share state:
// between two suspensions a task of one loop is never interrupted. A plain thread locks it with
// `block_on(state_mutex.lock())`. Not recursive: a task that locks twice waits for itself.
//
// Fair: strictly first come, first served. `unlock` hands the mutex to the oldest waiter without ever freeing
// it in between, so a newcomer cannot overtake. Thread-safe. The mutex must outlive its waiters and guards;
// the last guard may be released while another thread already destroys the mutex after it.
//
// How it works, and why these memory orders. One atomic word holds two bits, `locked` and `contended`; the
// waiters stand in a list under a short lock.
//   - Without waiters, locking is one compare-exchange 0 -> locked and unlocking one locked -> 0. The first
//     is an acquire and the second a release, on the same word: whoever locks sees all that was written
//     before the unlock. When they fail nothing was taken over, so failure is relaxed.
//   - `contended` is set exactly while the list is not empty, and changes under the lock only. While it is
//     set both exchanges fail, so nobody but the holder of the lock writes the word, and plain relaxed stores
//     do.
//   - A hand-over writes nothing to the word that the next holder would read: what orders the two holders is
//     the lock, or the scheduler's queue through which the waiter is woken (release on push, acquire on
//     take).
#pragma once

#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <utility>

namespace tandem {

class condition_variable;
class mutex;

// Holds a mutex until it is destroyed or `release`d. Move-only; belongs to one task at a time.
class [[nodiscard]] mutex_guard {
public:
    mutex_guard() noexcept {} // holds none
    mutex_guard(mutex_guard&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    mutex_guard& operator=(mutex_guard&& other) noexcept {
        if (this != &other) {
            release();
            owner_ = std::exchange(other.owner_, nullptr);
        }
        return *this;
    }
    ~mutex_guard() { release(); }

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    bool holds(const mutex& m) const noexcept { return owner_ == &m; }
    void release() noexcept; // unlocks early; then empty. No-op when empty

private:
    friend class condition_variable;
    friend class mutex;
    explicit mutex_guard(mutex& owner) noexcept : owner_(&owner) {} // takes over the lock

    mutex* owner_ = nullptr;
};

class mutex {
public:
    mutex() noexcept {}
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;
    ~mutex();

    class lock_awaiter;
    class lock_operation;

    // Waits for the mutex; yields a mutex_guard. No allocation, and no lock taken when nobody holds it.
    // Cancellation: leaves the queue, throws operation_cancelled. A mutex that was granted is in the guard,
    // even when a cancellation came at the same time; never lost.
    [[nodiscard]] lock_operation lock() noexcept;

    // A guard of the mutex, or an empty one when it is held. From any thread.
    mutex_guard try_lock() noexcept { return take() ? mutex_guard(*this) : mutex_guard(); }

private:
    friend class condition_variable;
    friend class mutex_guard;

    static constexpr unsigned locked = 1;
    static constexpr unsigned contended = 2;

    bool take() noexcept {
        unsigned expected = 0;
        return word_.compare_exchange_strong(expected, locked, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }
    void unlock() noexcept {
        unsigned expected = locked;
        if (!word_.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed))
            [[unlikely]]
            hand_over();
    }
    void hand_over() noexcept;
    bool take_or_contend() noexcept; // lock_ held; false: the caller has to stand in the list
    void list_changed() noexcept;    // lock_ held, somebody was taken out

    // For a condition variable: the same lock, which a cancellation does not end.
    lock_operation relock() noexcept;

    detail::atomic<unsigned> word_{0};
    detail::short_lock lock_;
    wait_list waiters_;
};

// Implementation

inline void mutex_guard::release() noexcept {
    if (mutex* const owner = std::exchange(owner_, nullptr)) owner->unlock();
}

class mutex::lock_awaiter final : private queued_operation {
public:
    lock_awaiter(mutex& owner, task_context& context, bool cancellable) noexcept
        : queued_operation(context, owner.lock_), owner_(owner), cancellable_(cancellable) {}
    ~lock_awaiter() {
        leave_queue();
        if (granted() && !handed_over_) [[unlikely]]
            owner_.unlock(); // the frame was destroyed between the grant and its turn
    }

    bool await_ready() noexcept {
        if (cancellable_ && cancelled_before()) return refuse_now();
        return owner_.take() && grant_now();
    }
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    mutex_guard await_resume() {
        if (!granted()) [[unlikely]]
            throw_cancelled();
        handed_over_ = true;
        return mutex_guard(owner_);
    }

private:
    friend class mutex;
    void withdrawn(wake_chain& to_wake) noexcept override;
    [[noreturn]] static void throw_cancelled();

    mutex& owner_;
    bool cancellable_;
    bool handed_over_ = false; // the guard has it
};

class mutex::lock_operation {
public:
    lock_operation(mutex& owner, bool cancellable) noexcept : owner_(owner), cancellable_(cancellable) {}
    lock_awaiter await_in(task_context& context) const noexcept {
        return lock_awaiter(owner_, context, cancellable_);
    }

private:
    mutex& owner_;
    bool cancellable_;
};

inline mutex::lock_operation mutex::lock() noexcept {
    return lock_operation(*this, true);
}
inline mutex::lock_operation mutex::relock() noexcept {
    return lock_operation(*this, false);
}

} // namespace tandem
