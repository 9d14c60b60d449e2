#include <tandem/sync/event.hpp>

#include <tandem/core/error.hpp>

#include <utility>

namespace tandem {

event::~event() {
    waiters_.abandon();
}

void event::set() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        set_ = true;
        while (waiter* const w = waiters_.take_front()) {
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
    if (cancelled_before()) return refuse_now();
    return owner_.is_set() && grant_now();
}

bool event::wait_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (settled()) return requeue(at);
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

auto_reset_event::~auto_reset_event() {
    waiters_.abandon();
}

bool auto_reset_event::try_wait() noexcept {
    const std::lock_guard lock(mutex_);
    return std::exchange(set_, false);
}

void auto_reset_event::set() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        if (waiter* const w = waiters_.take_front()) {
            static_cast<wait_awaiter*>(w)->grant();
            to_wake.add(*w);
        } else {
            set_ = true;
        }
    }
    to_wake.wake_all();
}

void auto_reset_event::reset() noexcept {
    const std::lock_guard lock(mutex_);
    set_ = false;
}

bool auto_reset_event::is_set() const noexcept {
    const std::lock_guard lock(mutex_);
    return set_;
}

auto_reset_event::wait_awaiter::~wait_awaiter() {
    leave_queue();
    if (granted() && !handed_over_)
        owner_.set(); // the frame was destroyed between the signal and its turn: for the next one
}

bool auto_reset_event::wait_awaiter::await_ready() noexcept {
    if (cancelled_before()) return refuse_now();
    return owner_.try_wait() && grant_now();
}

bool auto_reset_event::wait_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (settled()) return requeue(at);
    const std::lock_guard lock(guard());
    if (std::exchange(owner_.set_, false)) {
        grant();
        return requeue(at);
    }
    return enqueue(owner_.waiters_, at, "auto_reset_event.wait");
}

void auto_reset_event::wait_awaiter::await_resume() {
    if (!granted()) throw operation_cancelled("the wait for an event was cancelled");
    handed_over_ = true;
}

} // namespace tandem
