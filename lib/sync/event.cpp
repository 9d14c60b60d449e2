#include <tandem/sync/event.hpp>

#include <tandem/core/error.hpp>

namespace tandem {

event::~event() {
    while (waiters_.pop_front()) {
    } // only when a runtime is torn down: they must not look for this list any more
}

void event::set() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        set_ = true;
        while (waiter* const w = waiters_.pop_front()) {
            static_cast<wait_awaiter*>(w)->seen_ = true;
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

event::wait_awaiter::~wait_awaiter() {
    if (linked()) {
        const std::lock_guard lock(owner_.mutex_);
        if (linked()) owner_.waiters_.remove(*this);
    }
}

bool event::wait_awaiter::await_ready() noexcept {
    if (context().cancelled()) return true;
    seen_ = owner_.is_set();
    return seen_ && context().spend();
}

bool event::wait_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    const std::lock_guard lock(owner_.mutex_);
    if (seen_ || owner_.set_) {
        seen_ = true;
        context().suspend(at, nullptr); // its budget is spent: to the end of the ready queue
        wake();
        return true;
    }
    context().suspend(at, this);
    owner_.waiters_.push_back(*this);
    return true;
}

void event::wait_awaiter::await_resume() const {
    if (!seen_) throw operation_cancelled("the wait for an event was cancelled");
}

void event::wait_awaiter::on_cancel(cancel_hook& hook) noexcept {
    auto& self = static_cast<wait_awaiter&>(hook);
    {
        const std::lock_guard lock(self.owner_.mutex_);
        if (!self.linked()) return;
        self.owner_.waiters_.remove(self);
    }
    self.wake();
}

} // namespace tandem
