// with_timeout: an awaitable with a limit on its time.
//
//     auto response = co_await with_timeout(5s, web.get(url));
//
// When the time is up the child is cancelled and waited for; then `timeout_error` is thrown, unless the child
// has completed nevertheless: a value that arrived is never dropped. The deadline is inherited by everything
// that the child awaits (`task_context::deadline`); of nested limits the tighter one wins. Cancellation from
// outside: passed on to the child; throws operation_cancelled, never timeout_error.
#pragma once

#include <tandem/concurrency/detail/join.hpp>
#include <tandem/core/error.hpp>

#include <chrono>
#include <utility>

namespace tandem {

namespace detail {

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

private:
    static void on_time(timer_node& timer) noexcept {
        auto& self = static_cast<deadline_timer&>(timer);
        self.expired_ = true;
        if (!self.target_.ended) self.target_.request_cancel();
    }

    child_base& target_;
    bool expired_ = false;
};

} // namespace detail

template <class A>
    requires detail::awaitable_in_task<A>
task<await_result_t<A>> with_timeout(std::chrono::nanoseconds limit, A awaitable) {
    detail::child<await_result_t<A>> child(as_task(std::move(awaitable)));
    detail::join one(detail::join_policy::wait, "with_timeout");
    one.add(child);
    const auto now = child.home().now();
    const auto furthest = scheduler::clock::time_point::max() - now;
    detail::deadline_timer timer(child, now + (limit < furthest ? limit : furthest));
    co_await one;
    if (timer.expired() && !one.waiter().cancelled() && is_cancellation(child.failure()))
        throw timeout_error(limit);
    co_return child.result();
}

} // namespace tandem
