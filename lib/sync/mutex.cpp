#include <tandem/sync/mutex.hpp>

#include <tandem/core/error.hpp>

namespace tandem {

mutex::~mutex() {
    waiters_.abandon();
}

void mutex::list_changed() noexcept {
    if (waiters_.empty()) word_.store(locked, std::memory_order_relaxed);
}

bool mutex::take_or_contend() noexcept {
    for (;;) {
        if (take()) return true;
        unsigned expected = locked;
        if (word_.compare_exchange_strong(expected, locked | contended, std::memory_order_relaxed,
                                          std::memory_order_relaxed) ||
            expected == (locked | contended))
            return false;
        // Unlocked between the two: try again.
    }
}

void mutex::hand_over() noexcept {
    for (;;) {
        waiter* next = nullptr;
        {
            const std::lock_guard lock(lock_);
            next = waiters_.take_front();
            if (next) {
                static_cast<lock_awaiter*>(next)->grant();
                list_changed();
            }
        }
        if (next) {
            next->wake_taken();
            return;
        }
        // All waiters have withdrawn. Freed outside of the lock: the next holder may destroy the mutex.
        unsigned expected = locked;
        if (word_.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed))
            return;
    }
}

bool mutex::lock_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (granted() || (cancellable_ && cancelled_before())) return requeue(at);
    const std::lock_guard lock(guard());
    if (owner_.take_or_contend()) {
        grant();
        return requeue(at);
    }
    if (cancellable_) return enqueue(owner_.waiters_, at, "mutex.lock");
    context().suspend(at, nullptr, "condition_variable.wait (mutex)");
    owner_.waiters_.push_back(*this);
    return true;
}

void mutex::lock_awaiter::withdrawn(wake_chain&) noexcept {
    owner_.list_changed();
}

void mutex::lock_awaiter::throw_cancelled() {
    throw operation_cancelled("the wait for a mutex was cancelled");
}

} // namespace tandem
