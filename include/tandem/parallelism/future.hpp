// future<R>: the result, or the exception, of a call on a pool.
//
//     tandem::future<long> sum = pool.submit(add_up, std::move(numbers));
//     long total = sum.get();                         // in a thread: blocks; on a worker: runs other work
//     long total = co_await std::move(sum);           // in a task: the loop goes on
//
//     for (auto& page : as_completed(std::move(futures))) use(page.index(), page.get());
//
// Waiting on a worker of the pool never idles it: a call that is still queued is run by who waits for it,
// and while it runs elsewhere the worker runs other work on top of what waits (so do not hold a lock that
// such work may want, and do not wait, in a call, for one that waits for this very call). On the thread of a
// loop it would block the loop, and throws std::logic_error: await it there.
//
// A future is used by one thread at a time. Destroying it lets the call run on, and drops its result: an
// exception, too. To know of those use `post`, whose exceptions go to the pool's handler.
//
// Cost: a submit and its future share one allocation, with the callable and the result in it.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/error.hpp>
#include <tandem/parallelism/detail/future_state.hpp>
#include <tandem/parallelism/detail/wait_limit.hpp>

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {
template <class R>
class future_awaiter;
class future_access;
} // namespace detail

template <class R = void>
class [[nodiscard("the result is dropped with the future; post() is for calls without one")]] future {
public:
    using value_type = R;

    future() noexcept = default; // valid() is false
    future(future&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    future& operator=(future&& other) noexcept {
        if (this != &other) {
            if (state_ != nullptr) state_->release();
            state_ = std::exchange(other.state_, nullptr);
        }
        return *this;
    }
    ~future() {
        if (state_ != nullptr) state_->release();
    }

    // False for one that was default-constructed, moved from, or whose result was taken. Everything below
    // needs a valid one; `wait`, `get` and `co_await` throw std::logic_error otherwise, the rest says
    // "no".
    bool valid() const noexcept { return state_ != nullptr; }

    // Has the call ended: returned, thrown, been cancelled, or dropped because the pool stopped? Never
    // blocks.
    bool done() const noexcept { return state_ != nullptr && state_->done(); }

    // Has it ended without ever having begun, because of `cancel`?
    bool cancelled() const noexcept {
        return done() && state_->how() == detail::future_state_base::ending::cancelled;
    }

    // Returns when it is done. See above for where. Nothing cancels the wait.
    void wait() const {
        require("wait");
        detail::wait_until_done(*state_);
    }

    // The same for at most `limit`; false when the time is up. A worker blocks meanwhile and runs nothing
    // else, for that might take longer.
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> limit) const {
        require("wait_for");
        return detail::wait_for_end(state_->ended(), detail::wait_limit(limit));
    }

    // Waits and takes the result; the future is invalid then. Throws what the call threw,
    // operation_cancelled when it was cancelled before it began, pool_stopped when the pool stopped before.
    R get() {
        wait();
        const future taken(std::move(*this));
        return taken.state_->take_result();
    }

    // True: the call had not begun and never will; its callable is destroyed, and the future is done. False:
    // it runs (a callable that takes a std::stop_token is asked to stop) or has ended. O(1), any number of
    // times, wherever it is queued.
    bool cancel() noexcept { return state_ != nullptr && state_->cancel(); }

    // `co_await std::move(future)` takes the result like `get`, without blocking. Cancelling the waiting task
    // cancels the call as offload does: one that is queued never begins, and operation_cancelled is thrown;
    // one that runs is asked to stop and waited for, and its result handed over.
    detail::future_awaiter<R> await_in(task_context& context) &&;

private:
    friend class thread_pool;
    friend class detail::future_access;

    explicit future(detail::future_state<R>* state) noexcept : state_(state) {}
    void require(const char* operation) const {
        if (state_ == nullptr)
            throw std::logic_error(std::string("future: ") + operation +
                                   " without a call: it is empty, or its result was taken");
    }

    detail::future_state<R>* state_ = nullptr;
};

// Waits for all, as `future::wait` does, whatever they end with. Invalid ones are skipped.
template <std::ranges::input_range Range>
void wait_all(Range&& futures) {
    for (const auto& one : futures)
        if (one.valid()) one.wait();
}

// Implementation

namespace detail {

class future_access {
public:
    template <class R>
    static future_state<R>* state(const future<R>& f) noexcept {
        return f.state_;
    }
};

// A worker that awaits in block_on runs nothing else meanwhile: a call that is still queued in a pool of one
// worker would wait for it for ever. So it runs the call by itself, as `future::wait` does, unless there is a
// deadline, which ends the wait.
void run_if_awaited_where_it_blocks(future_state_base& state, const task_context& context) noexcept;

template <class R>
class future_awaiter : private cancel_hook, private completion_listener {
public:
    // `abandon`: a cancellation does not wait for a call that runs.
    future_awaiter(future<R> awaited, task_context& context, bool abandon = false) noexcept
        : cancel_hook(&future_awaiter::on_cancel), completion_listener(&future_awaiter::on_end),
          future_(std::move(awaited)), context_(context), abandon_(abandon) {}
    // Destroyed while it waits: its runtime is being destroyed, but the pool may be another one. What the
    // call refers to may go with this frame, so it has to end first, as must a worker that is just waking the
    // task.
    ~future_awaiter() {
        if (!listening_) return;
        if (state().ended().unlisten(*this)) {
            if (!future_.cancel() && !abandon_) block_until_done(state().ended());
        } else if (!future_.cancelled()) {
            state().wait_until_passed_by();
        }
    }

    bool await_ready() noexcept {
        if (!future_.valid()) return true;
        if (context_.cancelled() && !future_.cancel() && abandon_ && !future_.done()) left_ = true;
        if (!left_) run_if_awaited_where_it_blocks(state(), context_);
        return left_ || (future_.done() && context_.spend());
    }
    bool await_suspend(std::coroutine_handle<> at) noexcept {
        context_.suspend(at, this, "future");
        context_.home().computation_started();
        listening_ = true;
        if (!state().ended().listen(*this)) on_end(*this);
        return true;
    }
    R await_resume() {
        if (std::exchange(listening_, false)) context_.home().computation_finished();
        if (left_) throw operation_cancelled("the wait for a call on a pool was cancelled; the call runs on");
        return future_.get();
    }

private:
    future_state<R>& state() noexcept { return *future_access::state(future_); }

    static void on_end(completion_listener& listener) noexcept {
        static_cast<future_awaiter&>(listener).context_.wake();
    }
    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<future_awaiter&>(hook);
        if (self.future_.cancel() || !self.abandon_) return; // the end wakes the task
        if (!self.state().ended().unlisten(self)) return;    // it has just ended
        self.left_ = true;
        self.context_.wake();
    }

    future<R> future_;
    task_context& context_;
    const bool abandon_;
    bool listening_ = false;
    bool left_ = false;
};

} // namespace detail

template <class R>
detail::future_awaiter<R> future<R>::await_in(task_context& context) && {
    return detail::future_awaiter<R>(std::move(*this), context);
}

} // namespace tandem
