#include <tandem/sync/semaphore.hpp>

#include <tandem/core/error.hpp>

namespace tandem {

semaphore::~semaphore() {
    waiters_.abandon();
}

bool semaphore::take_or_wait(std::size_t n) noexcept {
    for (;;) {
        if (take(n)) return true;
        std::size_t word = word_.load(std::memory_order_relaxed);
        if ((word & waiting) != 0) return false;
        if (word / unit >= n) continue; // released between the two: try again
        // Fails when permits come or go at this moment.
        if (word_.compare_exchange_strong(word, word | waiting, std::memory_order_relaxed,
                                          std::memory_order_relaxed))
            return false;
    }
}

// `available` was read with acquire order: who gets a permit sees what was written before it was given back,
// though it passes through this thread.
void semaphore::serve(std::size_t available, wake_chain& to_wake) noexcept {
    while (waiter* const w = waiters_.front()) {
        auto& next = static_cast<acquire_awaiter&>(*w);
        if (next.wanted_ > available) break;
        available -= next.wanted_;
        waiters_.take(*w);
        next.grant();
        to_wake.add(*w);
    }
    // A release for those who take what is left without the lock.
    word_.store(available * unit | (waiters_.empty() ? 0 : waiting), std::memory_order_release);
}

void semaphore::release(std::size_t n) noexcept {
    if (n == 0) return;
    while (!give(n)) {
        wake_chain to_wake;
        {
            const std::lock_guard lock(lock_);
            // Who waited may have withdrawn meanwhile: then the permits are for whoever comes.
            if (waiters_.empty()) continue;
            serve(sum(available(), n), to_wake);
        }
        to_wake.wake_all();
        return;
    }
}

bool semaphore::acquire_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (settled()) return requeue(at);
    const std::lock_guard lock(guard());
    if (owner_.take_or_wait(wanted_)) {
        grant();
        return requeue(at);
    }
    return enqueue(owner_.waiters_, at, "semaphore.acquire");
}

void semaphore::acquire_awaiter::withdrawn(wake_chain& to_wake) noexcept {
    owner_.serve(owner_.available(), to_wake);
}

void semaphore::acquire_awaiter::throw_cancelled() {
    throw operation_cancelled("the wait for a semaphore was cancelled");
}

} // namespace tandem
