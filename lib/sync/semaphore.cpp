#include <tandem/sync/semaphore.hpp>

#include <tandem/core/error.hpp>

namespace tandem {

semaphore::~semaphore() {
    waiters_.abandon();
}

bool semaphore::take() noexcept {
    if (available_ == 0 || !waiters_.empty()) return false;
    --available_;
    return true;
}

semaphore_permit semaphore::try_acquire() noexcept {
    const std::lock_guard lock(mutex_);
    return take() ? semaphore_permit(*this) : semaphore_permit();
}

void semaphore::release(std::size_t n) noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        available_ += n;
        while (available_ > 0) {
            waiter* const w = waiters_.pop_front();
            if (!w) break;
            --available_;
            static_cast<acquire_awaiter*>(w)->grant();
            to_wake.add(*w);
        }
    }
    to_wake.wake_all();
}

std::size_t semaphore::available() const noexcept {
    const std::lock_guard lock(mutex_);
    return available_;
}

semaphore::acquire_awaiter::~acquire_awaiter() {
    if (granted() && !handed_over_) owner_.release();
}

bool semaphore::acquire_awaiter::await_ready() noexcept {
    if (cancelled_before()) return true;
    const std::lock_guard lock(guard());
    return owner_.take() && grant_now();
}

bool semaphore::acquire_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (granted()) return requeue(at);
    const std::lock_guard lock(guard());
    if (owner_.take()) {
        grant();
        return requeue(at);
    }
    return enqueue(owner_.waiters_, at, "semaphore.acquire");
}

semaphore_permit semaphore::acquire_awaiter::await_resume() {
    if (!granted()) throw operation_cancelled("the wait for a semaphore was cancelled");
    handed_over_ = true;
    return semaphore_permit(owner_);
}

} // namespace tandem
