// A task that its caller's cancellation and deadline do not reach: for the work of ending something.
#pragma once

#include <tandem/core/task.hpp>

#include <coroutine>
#include <utility>

namespace tandem::detail {

// `co_await uncancelled(work)`: runs `work` in a context of its own on the caller's scheduler and waits for
// it, however long that takes, also when the caller is cancelled already. Lives in the caller's frame;
// awaited once.
class uncancelled final : private task_context {
public:
    explicit uncancelled(task<> work) noexcept
        : task_context(current()->home(), inherited_context(*current()), &uncancelled::done, false),
          work_(std::move(work)) {
        set_deadline(clock::time_point::max());
    }

    class awaiter {
    public:
        explicit awaiter(uncancelled& owner) noexcept : owner_(owner) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> at) noexcept {
            owner_.parent()->suspend(at, nullptr, "uncancelled task");
            owner_.start(owner_.work_.bind(owner_));
        }
        void await_resume() const { owner_.work_.take_result(); } // throws what the work threw

    private:
        uncancelled& owner_;
    };
    awaiter await_in(task_context&) noexcept { return awaiter(*this); }

private:
    static void done(task_context& context) noexcept { context.parent()->wake(); }

    task<> work_;
};

} // namespace tandem::detail
