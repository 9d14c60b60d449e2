// semaphore: at most N at a time.
//
//     semaphore slots(8);
//     auto permit = co_await slots.acquire();      // given back when `permit` goes out of scope
//
// Use it to bound concurrency across tasks that do not know each other; inside one call concurrent_map's
// limit is simpler. Fair: first come, first served; a newcomer never overtakes a waiter. Thread-safe: tasks
// of any loop, and `release` from any thread. A permit that was granted to a waiter is never lost: it is in
// the returned guard, even when a cancellation came at the same time. The semaphore must outlive its waiters
// and permits.
#pragma once

#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstddef>
#include <utility>

namespace tandem {

class semaphore;

// The right of one holder; gives it back on destruction.
class [[nodiscard]] semaphore_permit {
public:
    semaphore_permit() noexcept {}
    explicit semaphore_permit(semaphore& owner) noexcept : owner_(&owner) {} // takes over one permit
    semaphore_permit(semaphore_permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    semaphore_permit& operator=(semaphore_permit&& other) noexcept {
        if (this != &other) {
            release();
            owner_ = std::exchange(other.owner_, nullptr);
        }
        return *this;
    }
    ~semaphore_permit() { release(); }

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    void release() noexcept;                     // early; then empty
    void forget() noexcept { owner_ = nullptr; } // keep the permit taken; somebody calls semaphore::release

private:
    semaphore* owner_ = nullptr;
};

class semaphore {
public:
    explicit semaphore(std::size_t permits) noexcept : available_(permits) {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;
    ~semaphore();

    class acquire_awaiter;
    class acquire_operation;

    // Waits for a permit. Cancellation: leaves the queue, throws operation_cancelled. No allocation.
    [[nodiscard]] acquire_operation acquire() noexcept;

    // A permit if one is free and nobody waits for it; otherwise an empty one.
    semaphore_permit try_acquire() noexcept;

    // Adds permits; wakes waiters.
    void release(std::size_t n = 1) noexcept;

    std::size_t available() const noexcept;

private:
    bool take() noexcept; // mutex_ held

    mutable detail::short_lock mutex_;
    std::size_t available_;
    wait_list waiters_;
};

class semaphore::acquire_awaiter : private queued_operation {
public:
    acquire_awaiter(semaphore& owner, task_context& context) noexcept
        : queued_operation(context, owner.mutex_), owner_(owner) {}
    ~acquire_awaiter();

    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    semaphore_permit await_resume();

private:
    friend class semaphore;
    semaphore& owner_;
    bool handed_over_ = false; // the permit has gone to the task
};

class semaphore::acquire_operation {
public:
    explicit acquire_operation(semaphore& owner) noexcept : owner_(owner) {}
    acquire_awaiter await_in(task_context& context) const noexcept {
        return acquire_awaiter(owner_, context);
    }

private:
    semaphore& owner_;
};

inline semaphore::acquire_operation semaphore::acquire() noexcept {
    return acquire_operation(*this);
}

inline void semaphore_permit::release() noexcept {
    if (semaphore* const owner = std::exchange(owner_, nullptr)) owner->release();
}

} // namespace tandem
