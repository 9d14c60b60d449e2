// A task that its caller's cancellation does not reach: it is told instead, and ends in its own time.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/sync/event.hpp>

#include <coroutine>
#include <utility>

namespace tandem::http::detail {

// `co_await shielded(work, told)`: runs `work` in a context of its own on the caller's scheduler and waits
// for it, however long that takes. A cancellation of the caller sets `told`, once. Neither the caller's
// deadline nor its cancellation is inherited. Lives in the caller's frame; awaited once, by a task that is
// not cancelled yet.
class shielded final : private task_context, private cancel_hook {
public:
    shielded(task<> work, event& told) noexcept
        : task_context(current()->home(), current(), &shielded::done, false),
          cancel_hook(&shielded::on_cancel), work_(std::move(work)), told_(told) {
        set_deadline(clock::time_point::max());
    }

    class awaiter {
    public:
        explicit awaiter(shielded& owner) noexcept : owner_(owner) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> at) noexcept {
            owner_.caller().suspend(at, &owner_, "shielded task");
            owner_.start(owner_.work_.bind(owner_));
        }
        void await_resume() const { owner_.work_.take_result(); } // throws what the work threw

    private:
        shielded& owner_;
    };
    awaiter await_in(task_context&) noexcept { return awaiter(*this); }

private:
    task_context& caller() const noexcept { return *parent(); }
    static void done(task_context& context) noexcept { static_cast<shielded&>(context).caller().wake(); }
    static void on_cancel(cancel_hook& hook) noexcept { static_cast<shielded&>(hook).told_.set(); }

    task<> work_;
    event& told_;
};

} // namespace tandem::http::detail
