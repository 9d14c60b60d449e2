// One child with a limit on its time: what with_timeout, with_deadline and move_on_after have in common.
//
// A child that is late is cancelled and waited for. `timed_out` then tells whether that cut it short.
#pragma once

#include <tandem/concurrency/detail/join.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <utility>

namespace tandem::detail {

class deadline_timer : public timer_node {
public:
    deadline_timer(child_base& target, scheduler::clock::time_point when) noexcept
        : timer_node(&deadline_timer::on_time), target_(target) {
        // An enclosing deadline that comes first cancels this child as well: no timer of its own is needed.
        if (when >= target.deadline()) return;
        target.set_deadline(when);
        target.home().arm(*this, when);
    }
    ~deadline_timer() { target_.home().disarm(*this); }

    bool expired() const noexcept { return expired_; }
    const char* operation() const noexcept { return operation_; } // what the target waited for then

private:
    static void on_time(timer_node& timer) noexcept {
        auto& self = static_cast<deadline_timer&>(timer);
        if (self.target_.ended) return; // in time; only its waiter has not run yet
        self.expired_ = true;
        self.operation_ = self.target_.waiting_for();
        self.target_.request_cancel();
    }

    child_base& target_;
    const char* operation_ = nullptr;
    bool expired_ = false;
};

// Lives in the frame of the coroutine that runs the child. Made inside a running task.
template <class T>
class limited_child {
public:
    limited_child(task<T>&& work, scheduler::clock::time_point when, const char* operation) noexcept
        : child_(std::move(work)), one_(join_policy::wait, operation), timer_(child_, when) {
        one_.add(child_);
    }

    join& end() noexcept { return one_; } // to be awaited

    // True when the limit, and not a cancellation from outside, ended the child. A child that completed
    // although it was told has not been cut short: a value that arrived is never dropped.
    bool timed_out() const noexcept {
        return timer_.expired() && !one_.waiter().cancelled() && is_cancellation(child_.failure());
    }
    const char* waited_for() const noexcept { return timer_.operation(); }
    T result() { return child_.result(); }

private:
    child<T> child_;
    join one_;
    deadline_timer timer_;
};

// `limit` from now on the running task's clock, however large it is.
inline scheduler::clock::time_point deadline_after(time_span limit) noexcept {
    return later(task_context::current()->home().now(), limit);
}

// What is given as a callable with its arguments, and is not awaitable itself.
template <class F, class... Args>
concept callable_work = !awaitable_in_task<F> && invocable_task<F, Args...>;

} // namespace tandem::detail
