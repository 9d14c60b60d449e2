#include <tandem/sync/condition_variable.hpp>

#include <tandem/core/error.hpp>

#include <coroutine>
#include <stdexcept>

namespace tandem {

// Gives up the guard's mutex when it stands in the queue, so that a notification in between finds it.
class condition_variable::wait_awaiter final : private queued_operation {
public:
    wait_awaiter(condition_variable& owner, mutex_guard& held, task_context& context) noexcept
        : queued_operation(context, owner.lock_), owner_(owner), held_(held) {}
    ~wait_awaiter() {
        leave_queue();
        if (granted() && !handed_over_)
            owner_.notify_one(); // the frame was destroyed between the notification and its turn
    }

    bool await_ready() const noexcept { return cancelled_before() && refuse_now(); }

    // Whoever notifies from another thread schedules the task at home, which is here: the frame stays until
    // this function has returned.
    void await_suspend(std::coroutine_handle<> at) noexcept {
        if (cancelled_before()) {
            context().requeue(at);
            return;
        }
        {
            const std::lock_guard lock(guard());
            enqueue(owner_.waiters_, at, "condition_variable.wait");
        }
        held_.release();
    }

    bool await_resume() noexcept {
        handed_over_ = true;
        return granted();
    }

private:
    friend class condition_variable;
    condition_variable& owner_;
    mutex_guard& held_;
    bool handed_over_ = false;
};

class condition_variable::wait_operation {
public:
    wait_operation(condition_variable& owner, mutex_guard& held) noexcept : owner_(owner), held_(held) {}
    wait_awaiter await_in(task_context& context) const noexcept {
        return wait_awaiter(owner_, held_, context);
    }

private:
    condition_variable& owner_;
    mutex_guard& held_;
};

condition_variable::~condition_variable() {
    waiters_.abandon();
}

void condition_variable::notify_one() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(lock_);
        if (waiter* const w = waiters_.take_front()) {
            static_cast<wait_awaiter*>(w)->grant();
            to_wake.add(*w);
        }
    }
    to_wake.wake_all();
}

void condition_variable::notify_all() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(lock_);
        while (waiter* const w = waiters_.take_front()) {
            static_cast<wait_awaiter*>(w)->grant();
            to_wake.add(*w);
        }
    }
    to_wake.wake_all();
}

task<bool> condition_variable::wait_once(mutex_guard& guard) {
    if (!guard) throw std::logic_error("condition_variable: the guard holds no mutex");
    mutex& m = *guard.owner_;
    const bool notified = co_await wait_operation(*this, guard);
    if (!guard) guard = co_await m.relock();
    co_return notified;
}

task<> condition_variable::wait(mutex_guard& guard) {
    const bool notified = co_await wait_once(guard);
    if (!notified) throw_cancelled();
}

void condition_variable::throw_cancelled() {
    throw operation_cancelled("the wait for a condition variable was cancelled");
}

} // namespace tandem
