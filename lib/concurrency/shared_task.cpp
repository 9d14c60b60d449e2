#include <tandem/concurrency/shared_task.hpp>

#include <mutex>

namespace tandem {

shared_task_abandoned::shared_task_abandoned()
    : std::runtime_error("a shared task was cancelled when the last task that waited for it was") {}

namespace detail {

shared_work::~shared_work() {
    waiters_.abandon();
}

void shared_work::work_context::done(task_context& context) noexcept {
    static_cast<work_context&>(context).owner.finish();
}

void shared_work::finish() noexcept {
    keep_result();
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        ready_.store(true, std::memory_order_release);
        while (waiter* const w = waiters_.take_front()) {
            static_cast<shared_waiter*>(w)->granted_ = true;
            to_wake.add(*w);
        }
        waiting_ = 0;
    }
    to_wake.wake_all(); // the awaiters hold this object; it may be gone afterwards
}

bool shared_waiter::await_ready() noexcept {
    if (context().cancelled()) return context().spend();
    if (!work_.ready()) return false;
    granted_ = true;
    return context().spend();
}

bool shared_waiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (context().cancelled()) { // refused above, but the budget is spent
        context().requeue(at);
        return true;
    }
    bool first = false;
    {
        const std::lock_guard lock(work_.mutex_);
        if (work_.ready()) {
            granted_ = true;
            context().requeue(at);
            return true;
        }
        context().suspend(at, this, "shared_task");
        work_.waiters_.push_back(*this);
        ++work_.waiting_;
        if (!work_.context_) {
            work_.context_.emplace(context().home(), work_);
            first = true;
            host_ = context().home().owner() == nullptr;
        }
    }
    // Nobody else touches the context yet: it is cancelled by the last awaiter only, and this one is here.
    if (first) work_.context_->start(work_.bind(*work_.context_));
    return true;
}

void shared_waiter::on_cancel(cancel_hook& hook) noexcept {
    auto& self = static_cast<shared_waiter&>(hook);
    shared_work& work = self.work_;
    bool last = false;
    {
        const std::lock_guard lock(work.mutex_);
        if (!self.linked()) return; // it has ended: the result is handed over
        last = work.waiting_ == 1;
        if (last) {
            work.abandoned_ = true;
        } else {
            --work.waiting_;
            if (self.host_) { // woken when the work has ended
                self.stays_ = true;
                return;
            }
            work.waiters_.remove(self);
        }
    }
    // The awaiter, which is not resumed before this returns, keeps the work alive.
    if (last)
        work.context_->request_cancel();
    else
        self.wake();
}

shared_waiter::~shared_waiter() {
    const place now = where();
    if (now == place::nowhere || (now == place::taken && !context().home().torn_down())) return;
    bool last = false;
    if (now == place::queued) {
        const std::lock_guard lock(work_.mutex_);
        if (linked()) {
            work_.waiters_.remove(*this);
            if (!stays_) --work_.waiting_;
            last = work_.waiting_ == 0;
        }
    }
    wait_for_waker();
    if (!last) return;
    work_.drop();
    work_.context_.reset();
    work_.ready_.store(true, std::memory_order_release);
}

void shared_waiter::check_granted() const {
    if (!granted_) throw operation_cancelled("the wait for a shared task was cancelled");
}

void shared_waiter::check(const std::exception_ptr& failure) const {
    if (work_.abandoned_ && !context().cancelled() && is_cancellation(failure)) throw shared_task_abandoned();
    std::rethrow_exception(failure);
}

} // namespace detail
} // namespace tandem
