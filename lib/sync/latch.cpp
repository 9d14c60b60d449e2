#include <tandem/sync/latch.hpp>

#include <tandem/core/error.hpp>

#include <stdexcept>

namespace tandem {

latch::~latch() {
    waiters_.abandon();
}

void latch::count_down(std::size_t n) {
    wake_chain to_wake;
    {
        const std::lock_guard lock(lock_);
        if (n > pending_) throw std::logic_error("latch: more arrivals than were expected");
        pending_ -= n;
        if (pending_ != 0) return;
        while (waiter* const w = waiters_.take_front()) {
            static_cast<wait_awaiter*>(w)->grant();
            to_wake.add(*w);
        }
    }
    to_wake.wake_all();
}

bool latch::try_wait() const noexcept {
    const std::lock_guard lock(lock_);
    return pending_ == 0;
}

bool latch::wait_awaiter::await_ready() {
    if (arrivals_ != 0) owner_.count_down(arrivals_);
    if (cancelled_before()) return refuse_now();
    return owner_.try_wait() && grant_now();
}

bool latch::wait_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (settled()) return requeue(at);
    const std::lock_guard lock(guard());
    if (owner_.pending_ == 0) {
        grant();
        return requeue(at);
    }
    return enqueue(owner_.waiters_, at, "latch.wait");
}

void latch::wait_awaiter::await_resume() const {
    if (!granted()) throw operation_cancelled("the wait for a latch was cancelled");
}

} // namespace tandem
