// A task, or its result where that is there already: what an operation gives that can often be done at once,
// and then needs no coroutine. What can be done at once is done in the call: so await it there.
#pragma once

#include <tandem/core/task.hpp>

#include <coroutine>
#include <optional>
#include <utility>

namespace tandem::detail {

template <class T>
class [[nodiscard]] maybe_task {
public:
    maybe_task(T result) : result_(std::move(result)) {}
    maybe_task(task<T> rest) noexcept : rest_(std::move(rest)) {}

    bool ready() const noexcept { return !rest_; }
    T& result() noexcept { return result_; } // when it is ready

    class awaiter {
    public:
        awaiter(maybe_task& what, task_context& context) : what_(what) {
            if (!what.ready()) rest_.emplace(std::move(what.rest_).await_in(context));
        }
        bool await_ready() const noexcept { return !rest_; }
        template <class Promise>
        bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
            return rest_->await_suspend(caller);
        }
        T await_resume() { return rest_ ? rest_->await_resume() : std::move(what_.result_); }

    private:
        maybe_task& what_;
        std::optional<task_awaiter<T>> rest_;
    };
    awaiter await_in(task_context& context) && { return awaiter(*this, context); }

private:
    T result_{};
    task<T> rest_;
};

} // namespace tandem::detail
