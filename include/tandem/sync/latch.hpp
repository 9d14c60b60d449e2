// latch: opens once, after a number of arrivals.
//
//     latch ready(3);
//     ready.count_down();             // three times, from anywhere
//     co_await ready.wait();          // in any number of tasks, on any loop
//
// Cannot be used again; see `barrier`. Thread-safe; a plain thread uses `block_on(ready.wait())`. The latch
// must outlive its waiters; it may be destroyed as soon as a wait has returned.
#pragma once

#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstddef>

namespace tandem {

class latch {
public:
    explicit latch(std::size_t expected) noexcept : pending_(expected) {}
    latch(const latch&) = delete;
    latch& operator=(const latch&) = delete;
    ~latch();

    class wait_awaiter;
    class wait_operation;

    // Takes `n` off the count; the last one wakes every waiter, in order of arrival. Throws std::logic_error,
    // and changes nothing, when less than `n` is left.
    void count_down(std::size_t n = 1);

    // Waits until the count is 0; returns at once when it is. No allocation. Cancellation: throws
    // operation_cancelled.
    [[nodiscard]] wait_operation wait() noexcept;

    // `count_down(n)`, then `wait()`, both when it is awaited. Cancellation: the arrival stands, since nobody
    // could make up for it; also in a task that was cancelled before. Throws operation_cancelled for its
    // wait.
    [[nodiscard]] wait_operation arrive_and_wait(std::size_t n = 1) noexcept;

    bool try_wait() const noexcept; // true when the count is 0

private:
    mutable detail::short_lock lock_;
    std::size_t pending_;
    wait_list waiters_;
};

// Implementation

class latch::wait_awaiter : private queued_operation {
public:
    wait_awaiter(latch& owner, std::size_t arrivals, task_context& context) noexcept
        : queued_operation(context, owner.lock_), owner_(owner), arrivals_(arrivals) {}

    bool await_ready();
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    void await_resume() const;

private:
    friend class latch;
    latch& owner_;
    const std::size_t arrivals_; // 0: just wait
};

class latch::wait_operation {
public:
    wait_operation(latch& owner, std::size_t arrivals) noexcept : owner_(owner), arrivals_(arrivals) {}
    wait_awaiter await_in(task_context& context) const noexcept {
        return wait_awaiter(owner_, arrivals_, context);
    }

private:
    latch& owner_;
    std::size_t arrivals_;
};

inline latch::wait_operation latch::wait() noexcept {
    return wait_operation(*this, 0);
}
inline latch::wait_operation latch::arrive_and_wait(std::size_t n) noexcept {
    return wait_operation(*this, n);
}

} // namespace tandem
