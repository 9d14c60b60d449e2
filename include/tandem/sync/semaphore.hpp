// semaphore: at most N at a time.
//
//     semaphore slots(8);
//     auto permit = co_await slots.acquire();      // given back when `permit` goes out of scope
//     auto bytes = co_await memory.acquire(4096);  // several at once: all or none
//
// Use it to bound concurrency across tasks that do not know each other; inside one call concurrent_map's
// limit is simpler. A plain thread uses `block_on(slots.acquire())`.
//
// Fair: strictly first come, first served; a newcomer never overtakes a waiter, and a large request at the
// front is not overtaken by small ones that would fit. When it gives up, those behind it that fit go on.
// That is the order in which permits are granted. In which order the tasks then run is up to their loops,
// and to the threads that release at the same time.
// Thread-safe: tasks of any loop, and `release` from any thread. Permits that were granted to a waiter are
// never lost: they are in the returned guard, even when a cancellation came at the same time. The semaphore
// must outlive its waiters and permits.
//
// How it works: one atomic word holds the number of free permits and a bit that says that somebody waits.
// Without waiters `acquire` and `release` are a compare-exchange each: acquire and release on the same word,
// so who gets a permit sees what was written before it was given back. The bit is set exactly while the list
// is not empty; then everything happens under a short lock, whose holder alone writes the word.
#pragma once

#include <tandem/core/wait_list.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <utility>

namespace tandem {

class semaphore;

// The right of one holder, to one permit or to several; gives them back on destruction.
class [[nodiscard]] semaphore_permit {
public:
    semaphore_permit() noexcept {}
    // Takes over `n` permits.
    explicit semaphore_permit(semaphore& owner, std::size_t n = 1) noexcept : owner_(&owner), count_(n) {}
    semaphore_permit(semaphore_permit&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    semaphore_permit& operator=(semaphore_permit&& other) noexcept {
        if (this != &other) {
            release();
            owner_ = std::exchange(other.owner_, nullptr);
            count_ = std::exchange(other.count_, 0);
        }
        return *this;
    }
    ~semaphore_permit() { release(); }

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    std::size_t count() const noexcept { return count_; } // permits held; 0 when empty
    void release() noexcept;                              // early; then empty
    void forget() noexcept { // keep them taken; somebody calls semaphore::release
        owner_ = nullptr;
        count_ = 0;
    }

private:
    semaphore* owner_ = nullptr;
    std::size_t count_ = 0;
};

class semaphore {
public:
    // The largest number of permits that are ever free at once; what is beyond it is dropped.
    static constexpr std::size_t most = static_cast<std::size_t>(-1) / 2;

    explicit semaphore(std::size_t permits) noexcept : word_(std::min(permits, most) * unit) {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;
    ~semaphore();

    class acquire_awaiter;
    class acquire_operation;

    // Waits for `n` permits at once; yields a semaphore_permit. More than there ever are: waits until
    // cancelled. Cancellation: leaves the queue, throws operation_cancelled. No allocation.
    [[nodiscard]] acquire_operation acquire(std::size_t n = 1) noexcept;

    // `n` permits if they are free and nobody waits; otherwise an empty one.
    semaphore_permit try_acquire(std::size_t n = 1) noexcept {
        return take(n) ? semaphore_permit(*this, n) : semaphore_permit();
    }

    // Adds permits; wakes waiters.
    void release(std::size_t n = 1) noexcept;

    std::size_t available() const noexcept { return word_.load(std::memory_order_acquire) / unit; }

private:
    static constexpr std::size_t waiting = 1;
    static constexpr std::size_t unit = 2;

    bool take(std::size_t n) noexcept {
        std::size_t word = word_.load(std::memory_order_relaxed);
        while ((word & waiting) == 0 && word / unit >= n)
            if (word_.compare_exchange_weak(word, word - n * unit, std::memory_order_acquire,
                                            std::memory_order_relaxed))
                return true;
        return false;
    }
    bool give(std::size_t n) noexcept { // false: somebody waits
        std::size_t word = word_.load(std::memory_order_relaxed);
        while ((word & waiting) == 0)
            if (word_.compare_exchange_weak(word, sum(word / unit, n) * unit, std::memory_order_release,
                                            std::memory_order_relaxed))
                return true;
        return false;
    }
    static std::size_t sum(std::size_t free, std::size_t n) noexcept {
        return n < most - free ? free + n : most;
    }
    bool take_or_wait(std::size_t n) noexcept;                       // lock_ held; false: stand in the list
    void serve(std::size_t available, wake_chain& to_wake) noexcept; // lock_ held, somebody waits or waited

    detail::atomic<std::size_t> word_;
    detail::short_lock lock_;
    wait_list waiters_;
};

// Implementation

inline void semaphore_permit::release() noexcept {
    if (semaphore* const owner = std::exchange(owner_, nullptr)) owner->release(std::exchange(count_, 0));
}

class semaphore::acquire_awaiter final : private queued_operation {
public:
    acquire_awaiter(semaphore& owner, std::size_t n, task_context& context) noexcept
        : queued_operation(context, owner.lock_), owner_(owner), wanted_(n) {}
    ~acquire_awaiter() {
        leave_queue();
        if (granted() && !handed_over_) [[unlikely]]
            owner_.release(wanted_); // the frame was destroyed between the grant and its turn
    }

    bool await_ready() noexcept {
        if (cancelled_before()) return refuse_now();
        return owner_.take(wanted_) && grant_now();
    }
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    semaphore_permit await_resume() {
        if (!granted()) [[unlikely]]
            throw_cancelled();
        handed_over_ = true;
        return semaphore_permit(owner_, wanted_);
    }

private:
    friend class semaphore;
    void withdrawn(wake_chain& to_wake) noexcept override;
    [[noreturn]] static void throw_cancelled();

    semaphore& owner_;
    const std::size_t wanted_;
    bool handed_over_ = false; // the permits have gone to the task
};

class semaphore::acquire_operation {
public:
    acquire_operation(semaphore& owner, std::size_t n) noexcept : owner_(owner), wanted_(n) {}
    acquire_awaiter await_in(task_context& context) const noexcept {
        return acquire_awaiter(owner_, wanted_, context);
    }

private:
    semaphore& owner_;
    std::size_t wanted_;
};

inline semaphore::acquire_operation semaphore::acquire(std::size_t n) noexcept {
    return acquire_operation(*this, n);
}

} // namespace tandem
