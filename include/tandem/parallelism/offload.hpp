// offload: the door from waiting to computing.
//
//     auto page = co_await offload(parse, std::move(body));        // on the companion pool; resumes here
//     auto hash = co_await offload(other_pool, sha256, data);      // on a pool of your own
//
// `f(args...)` runs on a pool thread; the task waits without blocking its loop and goes on at home with the
// result, or with the exception that `f` threw. The callable and its arguments are moved into the waiting
// coroutine's frame (as with std::thread `f` gets the arguments as rvalues; std::ref passes a reference);
// nothing is allocated. An `f` that takes a std::stop_token first is told of a cancellation through it.
//
// Cancellation: while the call is queued it is taken back and operation_cancelled is thrown. Once it runs it
// gets the stop request, and the task waits until it has really ended: its arguments may refer to the task's
// own variables. Its result is then handed over as usual (nothing is lost); the next operation of the task
// reports the cancellation. Where that must not be waited for:
//
//     auto page = co_await offload(abandon, parse, std::move(body));
//
// A cancellation then throws at once, and a call that runs goes on unheard (it gets the stop request, too):
// so it must own all that it uses. That costs an allocation, for the call outlives the task.
//
// Failure: std::logic_error when the task's scheduler has no companion pool; pool_stopped when the pool has
// stopped.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/error.hpp>
#include <tandem/parallelism/detail/call.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace tandem {

namespace detail {

template <class F, class... Args>
using offload_result_t = std::decay_t<call_result_t<F, Args...>>;

template <class F, class... Args>
class offload_awaiter : private pool_job, private cancel_hook {
public:
    using result = offload_result_t<F, Args...>;

    offload_awaiter(thread_pool* pool, F&& f, std::tuple<Args...>&& args, task_context& context)
        : pool_job(&offload_awaiter::run), cancel_hook(&offload_awaiter::on_cancel), pool_(pool),
          context_(context), f_(std::move(f)), args_(std::move(args)), stop_(stop_source_for<F, Args...>()) {}

    ~offload_awaiter() {
        // Destroyed while it waits: its runtime is being destroyed, but the pool may be another one, which
        // still runs the call or is about to wake the task. The call lives in here, so it has to end first.
        if (submitted_ && !pool_->try_remove(*this)) pool_->drain();
    }

    bool await_ready() noexcept {
        if (context_.cancelled())
            state_ = state::cancelled;
        else if (!pool_)
            state_ = state::no_pool;
        return state_ != state::waiting && context_.spend();
    }
    void await_suspend(std::coroutine_handle<> at) noexcept {
        if (state_ != state::waiting) { // refused, but the budget is spent
            context_.requeue(at);
            return;
        }
        context_.suspend(at, this, "offload");
        submitted_ = true;
        context_.home().computation_started();
        pool_->submit(*this);
    }
    result await_resume() {
        if (std::exchange(submitted_, false)) context_.home().computation_finished();
        if (failure_) std::rethrow_exception(std::move(failure_));
        switch (state_) {
        case state::cancelled:
            throw operation_cancelled("an offloaded call was cancelled before it began");
        case state::dropped:
            throw pool_stopped("offload: the pool has stopped");
        case state::no_pool:
            throw std::logic_error(
                "offload: this task's executor has no companion pool; name one: offload(pool, f, ...)");
        case state::waiting:
            break;
        }
        if constexpr (!std::is_void_v<result>) return std::move(*value_);
    }

private:
    enum class state { waiting, cancelled, dropped, no_pool };

    static void run(pool_job& job, bool dropped) noexcept {
        auto& self = static_cast<offload_awaiter&>(job);
        if (dropped)
            self.state_ = state::dropped;
        else
            self.compute();
        self.context_.wake(); // the last touch: the task may go on, and this object be gone, at once
    }

    void compute() noexcept {
        try {
            if constexpr (std::is_void_v<result>)
                call_once(f_, args_, stop_);
            else
                value_.emplace(call_once(f_, args_, stop_));
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<offload_awaiter&>(hook);
        if (self.pool_->try_remove(self)) {
            self.state_ = state::cancelled;
            self.submitted_ = false;
            self.context_.home().computation_finished();
            self.context_.wake();
        } else if (self.stop_.stop_possible()) {
            self.stop_.request_stop();
        }
    }

    thread_pool* pool_;
    task_context& context_;
    F f_;
    std::tuple<Args...> args_;
    std::stop_source stop_;
    std::optional<std::conditional_t<std::is_void_v<result>, std::monostate, result>> value_;
    std::exception_ptr failure_;
    state state_ = state::waiting;
    bool submitted_ = false; // and not resumed since; the home scheduler's
};

template <class F, class... Args>
class offload_operation {
public:
    offload_operation(thread_pool* pool, F f, Args... args)
        : pool_(pool), f_(std::move(f)), args_(std::move(args)...) {}

    offload_awaiter<F, Args...> await_in(task_context& context) {
        thread_pool* const pool = pool_ ? pool_ : context.home().companion();
        return offload_awaiter<F, Args...>(pool, std::move(f_), std::move(args_), context);
    }

private:
    thread_pool* pool_;
    F f_;
    std::tuple<Args...> args_;
};

class abandoned_operation_base {
protected:
    [[noreturn]] static void throw_no_pool() {
        throw std::logic_error(
            "offload: this task's executor has no companion pool; name one: offload(abandon, pool, f, ...)");
    }
};

// A submit whose future is awaited and left when the task is cancelled.
template <class F, class... Args>
class abandoned_operation : private abandoned_operation_base {
public:
    using result = call_result_t<F, Args...>;

    abandoned_operation(thread_pool* pool, F f, Args... args)
        : pool_(pool), f_(std::move(f)), args_(std::move(args)...) {}

    future_awaiter<result> await_in(task_context& context) {
        thread_pool* const pool = pool_ ? pool_ : context.home().companion();
        if (context.cancelled()) throw operation_cancelled("an offloaded call was cancelled before it began");
        if (!pool) throw_no_pool();
        return future_awaiter<result>(
            std::apply([&](Args&... a) { return pool->submit(std::move(f_), std::move(a)...); }, args_),
            context, true);
    }

private:
    thread_pool* pool_;
    F f_;
    std::tuple<Args...> args_;
};

} // namespace detail

// Says that a cancelled task does not wait for its call: see above.
class abandon_t {
public:
    explicit constexpr abandon_t() noexcept = default;
};
inline constexpr abandon_t abandon{};

template <class F, class... Args>
    requires(!std::is_same_v<std::remove_cvref_t<F>, thread_pool> && !std::is_same_v<F, abandon_t>)
[[nodiscard]] detail::offload_operation<F, Args...> offload(F f, Args... args) {
    return detail::offload_operation<F, Args...>(nullptr, std::move(f), std::move(args)...);
}

// On a pool of the caller's, which must outlive the call (and a runtime that is destroyed while the call
// runs: that waits for it).
template <class F, class... Args>
[[nodiscard]] detail::offload_operation<F, Args...> offload(thread_pool& pool, F f, Args... args) {
    return detail::offload_operation<F, Args...>(&pool, std::move(f), std::move(args)...);
}

template <class F, class... Args>
    requires detail::callable_on_pool<F, Args...>
[[nodiscard]] detail::abandoned_operation<F, Args...> offload(abandon_t, F f, Args... args) {
    return detail::abandoned_operation<F, Args...>(nullptr, std::move(f), std::move(args)...);
}

// The pool may end before the call: stop() waits for those that run.
template <class F, class... Args>
    requires detail::callable_on_pool<F, Args...>
[[nodiscard]] detail::abandoned_operation<F, Args...> offload(abandon_t, thread_pool& pool, F f,
                                                              Args... args) {
    return detail::abandoned_operation<F, Args...>(&pool, std::move(f), std::move(args)...);
}

} // namespace tandem
