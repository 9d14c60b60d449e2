#include <tandem/sync/shared_mutex.hpp>

#include <tandem/core/error.hpp>

namespace tandem {

shared_mutex::~shared_mutex() {
    waiters_.abandon();
}

void shared_mutex::give(mode m) noexcept {
    if (m == mode::exclusive)
        writer_ = true;
    else
        ++readers_;
}

bool shared_mutex::take(mode m) noexcept {
    if (!waiters_.empty() || !free_for(m)) return false;
    give(m);
    return true;
}

void shared_mutex::serve(wake_chain& to_wake) noexcept {
    while (waiter* const w = waiters_.front()) {
        auto& next = static_cast<awaiter_base&>(*w);
        if (!free_for(next.mode_)) return;
        give(next.mode_);
        waiters_.take(*w);
        next.grant();
        to_wake.add(*w);
    }
}

bool shared_mutex::try_take(mode m) noexcept {
    const std::lock_guard lock(lock_);
    return take(m);
}

void shared_mutex::unlock(mode m) noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(lock_);
        if (m == mode::exclusive)
            writer_ = false;
        else
            --readers_;
        serve(to_wake);
    }
    to_wake.wake_all();
}

shared_mutex::awaiter_base::~awaiter_base() {
    leave_queue();
    if (granted() && !handed_over_)
        owner_.unlock(mode_); // the frame was destroyed between the grant and its turn
}

bool shared_mutex::awaiter_base::await_ready() noexcept {
    if (cancelled_before()) return refuse_now();
    return owner_.try_take(mode_) && grant_now();
}

bool shared_mutex::awaiter_base::await_suspend(std::coroutine_handle<> at) noexcept {
    if (settled()) return requeue(at);
    const std::lock_guard lock(guard());
    if (owner_.take(mode_)) {
        grant();
        return requeue(at);
    }
    return enqueue(owner_.waiters_, at,
                   mode_ == mode::exclusive ? "shared_mutex.lock" : "shared_mutex.lock_shared");
}

void shared_mutex::awaiter_base::hand_over() {
    if (!granted()) throw operation_cancelled("the wait for a shared_mutex was cancelled");
    handed_over_ = true;
}

void shared_mutex::awaiter_base::withdrawn(wake_chain& to_wake) noexcept {
    owner_.serve(to_wake);
}

} // namespace tandem
