#include <tandem/sync/semaphore.hpp>

#include <tandem/core/error.hpp>

namespace tandem {

semaphore::~semaphore() {
    while (waiters_.pop_front()) {
    } // only when a runtime is torn down: they must not look for this list any more
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
            static_cast<acquire_awaiter*>(w)->granted_ = true;
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
    if (linked()) {
        const std::lock_guard lock(owner_.mutex_);
        if (linked()) owner_.waiters_.remove(*this);
    }
    if (granted_) owner_.release();
}

bool semaphore::acquire_awaiter::await_ready() noexcept {
    if (context().cancelled()) return true;
    const std::lock_guard lock(owner_.mutex_);
    granted_ = owner_.take();
    return granted_ && context().spend();
}

bool semaphore::acquire_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    const std::lock_guard lock(owner_.mutex_);
    if (granted_ || owner_.take()) {
        granted_ = true;
        context().suspend(at, nullptr); // its budget is spent: to the end of the ready queue
        wake();
        return true;
    }
    context().suspend(at, this);
    owner_.waiters_.push_back(*this);
    return true;
}

semaphore_permit semaphore::acquire_awaiter::await_resume() {
    if (!granted_) throw operation_cancelled("the wait for a semaphore was cancelled");
    granted_ = false;
    return semaphore_permit(owner_);
}

void semaphore::acquire_awaiter::on_cancel(cancel_hook& hook) noexcept {
    auto& self = static_cast<acquire_awaiter&>(hook);
    {
        const std::lock_guard lock(self.owner_.mutex_);
        if (!self.linked()) return; // granted already: the permit is handed over
        self.owner_.waiters_.remove(self);
    }
    self.wake();
}

} // namespace tandem
