// sleep_for, sleep_until, yield, and asking about the own cancellation.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <coroutine>
#include <stop_token>

namespace tandem {

namespace detail {

class sleep_awaiter : private timer_node, private cancel_hook {
public:
    sleep_awaiter(task_context& context, scheduler::clock::time_point when) noexcept
        : timer_node(&sleep_awaiter::expired), cancel_hook(&sleep_awaiter::on_cancel), context_(context),
          when_(when) {}
    ~sleep_awaiter() { context_.home().disarm(*this); }

    // A task that swallows its cancellation and sleeps again must not keep its loop from ever doing anything
    // else.
    bool await_ready() noexcept {
        cancelled_ = context_.cancelled();
        return cancelled_ && context_.spend();
    }
    void await_suspend(std::coroutine_handle<> at) noexcept {
        if (cancelled_ || when_ <= context_.home().now()) { // still lets others run
            context_.requeue(at);
            return;
        }
        context_.suspend(at, this, "sleep");
        context_.home().arm(*this, when_);
    }
    void await_resume() const {
        if (cancelled_) throw operation_cancelled("sleep was cancelled");
    }

private:
    static void expired(timer_node& timer) noexcept { static_cast<sleep_awaiter&>(timer).context_.wake(); }
    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<sleep_awaiter&>(hook);
        if (!self.armed()) return; // it has just expired
        self.cancelled_ = true;
        self.context_.home().disarm(self);
        self.context_.wake();
    }

    task_context& context_;
    scheduler::clock::time_point when_;
    bool cancelled_ = false;
};

class sleep_operation {
public:
    explicit sleep_operation(time_span duration) noexcept : duration_(duration) {}
    sleep_awaiter await_in(task_context& context) const noexcept {
        return sleep_awaiter(context, later(context.home().now(), duration_));
    }

private:
    time_span duration_;
};

class sleep_until_operation {
public:
    explicit sleep_until_operation(scheduler::clock::time_point when) noexcept : when_(when) {}
    sleep_awaiter await_in(task_context& context) const noexcept { return sleep_awaiter(context, when_); }

private:
    scheduler::clock::time_point when_;
};

class yield_awaiter {
public:
    explicit yield_awaiter(task_context& context) noexcept : context_(context) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> at) noexcept { context_.requeue(at); }
    void await_resume() const {
        if (context_.cancelled()) throw operation_cancelled();
    }

private:
    task_context& context_;
};

class yield_operation {
public:
    yield_operation() noexcept {}
    yield_awaiter await_in(task_context& context) const noexcept { return yield_awaiter(context); }
};

class stop_token_operation {
public:
    class awaiter {
    public:
        explicit awaiter(task_context& context) noexcept : context_(context) {}
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        std::stop_token await_resume() const { return context_.stop_token(); }

    private:
        task_context& context_;
    };
    stop_token_operation() noexcept {}
    awaiter await_in(task_context& context) const noexcept { return awaiter(context); }
};

} // namespace detail

// Waits at least `duration` (1 ms resolution); zero or less gives way to other tasks once.
// Cancellation: wakes at once, throws operation_cancelled. No allocation, no system call.
[[nodiscard]] inline detail::sleep_operation sleep_for(time_span duration) noexcept {
    return detail::sleep_operation(duration);
}

// Waits until `when` of the steady clock. Otherwise as sleep_for.
[[nodiscard]] inline detail::sleep_until_operation
sleep_until(std::chrono::steady_clock::time_point when) noexcept {
    return detail::sleep_until_operation(when);
}

// Lets every other task that is ready run once. Throws operation_cancelled when the task was cancelled.
[[nodiscard]] inline detail::yield_operation yield() noexcept {
    return detail::yield_operation();
}

// `co_await current_stop_token()`: a token that is told when the running task is cancelled, to be handed to
// code that knows nothing of tasks. Its callbacks run on the task's home scheduler.
[[nodiscard]] inline detail::stop_token_operation current_stop_token() noexcept {
    return detail::stop_token_operation();
}

} // namespace tandem
