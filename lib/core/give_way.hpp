// Lets other tasks run once.
#pragma once

#include <tandem/core/context.hpp>

#include <coroutine>

namespace tandem::detail {

// As `yield`, but does not throw when the task was cancelled: for a loop that looks at that itself.
class give_way {
public:
    class awaiter {
    public:
        explicit awaiter(task_context& context) noexcept : context_(context) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> at) noexcept { context_.requeue(at); }
        void await_resume() const noexcept {}

    private:
        task_context& context_;
    };
    give_way() noexcept {}
    awaiter await_in(task_context& context) const noexcept { return awaiter(context); }
};

} // namespace tandem::detail
