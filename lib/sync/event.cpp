#include <tandem/sync/event.hpp>

#include <tandem/core/error.hpp>

namespace tandem {

event::~event() {
    waiters_.abandon();
}

void event::set() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        set_ = true;
        while (waiter* const w = waiters_.pop_front()) {
            static_cast<wait_awaiter*>(w)->grant();
            to_wake.add(*w);
        }
    }
    to_wake.wake_all();
}

void event::reset() noexcept {
    const std::lock_guard lock(mutex_);
    set_ = false;
}

bool event::is_set() const noexcept {
    const std::lock_guard lock(mutex_);
    return set_;
}

bool event::wait_awaiter::await_ready() noexcept {
    if (cancelled_before()) return true;
    return owner_.is_set() && grant_now();
}

bool event::wait_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (granted()) return requeue(at);
    const std::lock_guard lock(guard());
    if (owner_.set_) {
        grant();
        return requeue(at);
    }
    return enqueue(owner_.waiters_, at, "event.wait");
}

void event::wait_awaiter::await_resume() const {
    if (!granted()) throw operation_cancelled("the wait for an event was cancelled");
}

} // namespace tandem
