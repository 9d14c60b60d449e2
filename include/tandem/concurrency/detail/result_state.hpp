// What a child of a group and the one who waits for its result have in common.
#pragma once

#include <tandem/concurrency/outcome.hpp>
#include <tandem/core/context.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tandem::detail {

// Settled once, with a value or an exception; taken once. Thread-safe: the child may run on another loop.
template <class T>
class result_state {
public:
    result_state() = default;
    result_state(const result_state&) = delete;
    result_state& operator=(const result_state&) = delete;
    ~result_state() { waiters_.abandon(); }

    // False, and nothing has happened, when it was settled before or nobody wants to know any more.
    bool settle(outcome<T>&& how) {
        wake_chain to_wake;
        {
            const std::lock_guard lock(mutex_);
            if (settled_ || abandoned_) return false;
            outcome_.emplace(std::move(how)); // may throw: then nothing has happened either
            settled_ = true;
            child_ = nullptr;
            while (waiter* const w = waiters_.take_front()) {
                static_cast<awaiter*>(w)->grant();
                to_wake.add(*w);
            }
        }
        to_wake.wake_all();
        return true;
    }

    bool settled() const noexcept {
        const std::lock_guard lock(mutex_);
        return settled_;
    }

    // The child that has not settled yet, so that `abandon` and `cancel` can cancel it; nullptr before its
    // frame goes.
    void set_child(task_context* child) noexcept {
        bool too_late = false;
        {
            const std::lock_guard lock(mutex_);
            child_ = settled_ ? nullptr : child;
            too_late = child && (abandoned_ || cancelled_);
        }
        // Told before it began. It runs at this moment, so this is its own scheduler.
        if (too_late) child->request_cancel();
    }

    // Cancels the child: the one that runs now, or when it begins. No-op when it has settled.
    void cancel() noexcept {
        task_context* here = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (settled_) return;
            cancelled_ = true;
            here = tell_child();
        }
        if (here) here->request_cancel(); // runs callbacks of others: not under the lock
    }

    // Nobody waits any more: what the child says from now on is not taken, and the child is cancelled unless
    // it has settled.
    void abandon() noexcept {
        task_context* here = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (settled_) return;
            abandoned_ = true;
            here = tell_child();
        }
        if (here) here->request_cancel(); // runs callbacks of others: not under the lock
    }

    class awaiter : public queued_operation {
    public:
        awaiter(result_state& state, task_context& context, const char* operation) noexcept
            : queued_operation(context, state.mutex_), state_(state), operation_(operation) {}

        bool await_ready() noexcept {
            if (cancelled_before()) return refuse_now();
            const std::lock_guard lock(guard());
            return state_.settled_ && grant_now();
        }
        bool await_suspend(std::coroutine_handle<> at) noexcept {
            if (settled()) return requeue(at);
            const std::lock_guard lock(guard());
            if (state_.settled_) {
                grant();
                return requeue(at);
            }
            return enqueue(state_.waiters_, at, operation_);
        }
        T await_resume() {
            if (!granted()) throw operation_cancelled("the wait for a task's result was cancelled");
            return state_.take();
        }

    private:
        result_state& state_;
        const char* operation_;
    };

    class operation {
    public:
        operation(result_state& state, const char* name) noexcept : state_(state), name_(name) {}
        awaiter await_in(task_context& context) const noexcept { return awaiter(state_, context, name_); }

    private:
        result_state& state_;
        const char* name_;
    };

private:
    // Under the lock. A child of this scheduler is returned instead: it stays, because nothing is resumed
    // before the caller has told it.
    task_context* tell_child() noexcept {
        if (!child_ || child_->home().torn_down()) return nullptr;
        if (child_->home().is_current()) return child_;
        child_->request_cancel(); // a message; under the lock, so that the child is still there
        return nullptr;
    }

    T take() {
        if (std::exchange(taken_, true)) throw std::logic_error("a task's result was taken twice");
        outcome<T>& how = *outcome_;
        if constexpr (std::is_void_v<T>)
            static_cast<void>(how.value());
        else if constexpr (std::is_reference_v<T>)
            return how.value().get();
        else
            return std::move(how.value());
    }

    mutable short_lock mutex_;
    wait_list waiters_;
    std::optional<outcome<T>> outcome_;
    task_context* child_ = nullptr;
    bool settled_ = false;
    bool abandoned_ = false;
    bool cancelled_ = false;
    bool taken_ = false;
};

// In the frame of a child that runs: what `cancel` tells.
template <class T>
class cancellable_child {
public:
    explicit cancellable_child(result_state<T>& state) noexcept : state_(state) {
        state_.set_child(task_context::current());
    }
    cancellable_child(const cancellable_child&) = delete;
    cancellable_child& operator=(const cancellable_child&) = delete;
    ~cancellable_child() { state_.set_child(nullptr); }

private:
    result_state<T>& state_;
};

// The child's side. Going away unsettled counts as a cancellation: the child was refused, dropped before it
// began, or is being destroyed.
template <class T>
class result_sender {
public:
    explicit result_sender(std::shared_ptr<result_state<T>> state) noexcept : state_(std::move(state)) {}
    result_sender(result_sender&&) noexcept = default;
    result_sender& operator=(result_sender&&) = delete;
    ~result_sender() {
        if (!state_) return;
        state_->set_child(nullptr);
        if (state_->settled()) return;
        std::exception_ptr why;
        try {
            why = std::make_exception_ptr(
                operation_cancelled("a task of a group was refused or cancelled before its end"));
        } catch (...) { // no memory even for that
            why = std::current_exception();
        }
        state_->settle(outcome<T>(std::move(why)));
    }
    result_state<T>& state() const noexcept { return *state_; }

private:
    std::shared_ptr<result_state<T>> state_;
};

} // namespace tandem::detail
