// shared_task<T>: one computation, awaited by any number of tasks.
//
//     shared_task<config> settings(load_config());              // begins nothing yet
//     const config& c = co_await settings;                     // in each of many tasks, on any loop
//
// Lazy: the first task that awaits it starts the work, on that task's home scheduler, where it stays. The
// work has a context of its own: no deadline, no task_local values, no cancellation of an awaiter reaches it,
// because it may outlive each of them. A handle is copied freely; all copies mean the same work. Thread-safe.
//
// Awaiting a handle gives `const T&`, valid as long as a handle exists (T& for a shared_task<T&>); awaiting a
// temporary or moved handle, as with_timeout and when_all do, gives a copy. An exception is rethrown to every
// awaiter. Later awaiters get the same result at once.
//
// Cancellation: a cancelled awaiter leaves with operation_cancelled and the work goes on for the others. The
// last one does not leave: it cancels the work and waits for its end, so that no work runs for nobody. If
// that completes nevertheless, its result is handed over, and kept; if it ends with operation_cancelled, the
// work is lost for good: whoever awaits it then without having been cancelled itself, or joined while it was
// ending, gets shared_task_abandoned.
//
// All awaiters belong to one runtime, or to none: where the first one is a task of `tandem::spawn` or
// `block_on`, whose scheduler the work shares, it stays when it is cancelled until the work has ended.
// The work must not await its own handle. Waking n awaiters is O(n);
// one allocation for all copies.
#pragma once

#include <tandem/concurrency/outcome.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/wait_list.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

namespace tandem {

// The work of a shared_task was cancelled because nobody waited for it any more.
class shared_task_abandoned : public std::runtime_error {
public:
    shared_task_abandoned();
};

namespace detail {
template <class T>
class shared_state;
template <class T, bool Copy>
class shared_awaiter;
} // namespace detail

template <class T = void>
class [[nodiscard]] shared_task {
public:
    // Takes the work over; it does not begin yet. Work that nobody ever awaits is destroyed with the last
    // handle.
    explicit shared_task(task<T> work) : state_(std::make_shared<detail::shared_state<T>>(std::move(work))) {}

    // Whether the result is there: awaiting then does not wait.
    bool ready() const noexcept { return state_->ready(); }

    // For `co_await`: see the top of this file.
    detail::shared_awaiter<T, false> await_in(task_context& context) const& noexcept {
        return detail::shared_awaiter<T, false>(state_, context);
    }
    detail::shared_awaiter<T, true> await_in(task_context& context) && noexcept
        requires(std::is_void_v<T> || std::is_reference_v<T> || std::copy_constructible<T>)
    {
        return detail::shared_awaiter<T, true>(state_, context);
    }

private:
    std::shared_ptr<detail::shared_state<T>> state_;
};

// Implementation

namespace detail {

// Everything but the result. As long as the work runs at least one awaiter is in the queue, and holds the
// state.
class shared_work {
public:
    shared_work(const shared_work&) = delete;
    shared_work& operator=(const shared_work&) = delete;

    bool ready() const noexcept { return ready_.load(std::memory_order_acquire); }

protected:
    shared_work() noexcept {}
    ~shared_work();

private:
    friend class shared_waiter;

    class work_context : public task_context {
    public:
        work_context(scheduler& home, shared_work& work) noexcept
            : task_context(home, nullptr, &work_context::done, true), owner(work) {}
        shared_work& owner;

    private:
        static void done(task_context& context) noexcept;
    };

    virtual std::coroutine_handle<> bind(task_context& context) noexcept = 0;
    virtual void keep_result() noexcept = 0; // takes it out of the work, which is destroyed
    virtual void drop() noexcept = 0;        // destroys unfinished work
    void finish() noexcept;

    short_lock mutex_;
    wait_list waiters_;
    std::size_t waiting_ = 0;
    bool abandoned_ = false; // the last awaiter was cancelled, and has cancelled the work
    atomic<bool> ready_{false};
    std::optional<work_context> context_; // from the start on
};

template <class T>
class shared_state final : public shared_work {
public:
    explicit shared_state(task<T>&& work) noexcept : work_(std::move(work)) {}

    outcome<T>& result() noexcept { return *result_; } // ready() must be true

private:
    std::coroutine_handle<> bind(task_context& context) noexcept override { return work_.bind(context); }
    void keep_result() noexcept override {
        try {
            result_.emplace(take_outcome());
        } catch (...) { // moving the value
            result_.emplace(std::current_exception());
        }
        work_ = task<T>();
    }
    outcome<T> take_outcome() {
        if (work_.failure()) return outcome<T>(work_.failure());
        if constexpr (std::is_void_v<T>)
            return outcome<T>(std::monostate());
        else
            return outcome<T>(work_.take_result());
    }
    void drop() noexcept override {
        work_ = task<T>();
        result_.emplace(std::make_exception_ptr(shared_task_abandoned()));
    }

    task<T> work_;
    std::optional<outcome<T>> result_;
};

// Everything of the awaiter but the result.
class shared_waiter : private waiter, private cancel_hook {
public:
    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> at) noexcept;

protected:
    shared_waiter(shared_work& work, task_context& context) noexcept
        : waiter(context), cancel_hook(&shared_waiter::on_cancel), work_(work) {}
    // Destroyed while it waits: a runtime is being destroyed. Unfinished work goes with its last awaiter.
    ~shared_waiter();

    // Throws when there is no value for this awaiter.
    void check(const std::exception_ptr& failure) const;
    void check_granted() const;

private:
    friend class shared_work;
    static void on_cancel(cancel_hook& hook) noexcept;

    shared_work& work_;
    bool granted_ = false;
    bool host_ = false;  // the work runs on a scheduler that goes when this task ends
    bool stays_ = false; // cancelled, in the queue nevertheless, as the host; no longer among waiting_
};

template <class T>
class shared_hold { // destroyed after the shared_waiter
protected:
    explicit shared_hold(std::shared_ptr<shared_state<T>> state) noexcept : state_(std::move(state)) {}
    std::shared_ptr<shared_state<T>> state_;
};

template <class T, bool Copy>
class shared_awaiter : private shared_hold<T>, public shared_waiter {
public:
    using value_type = std::conditional_t<Copy || std::is_void_v<T> || std::is_reference_v<T>, T,
                                          std::add_lvalue_reference_t<const T>>;

    shared_awaiter(std::shared_ptr<shared_state<T>> state, task_context& context) noexcept
        : shared_hold<T>(std::move(state)), shared_waiter(*this->state_, context) {}

    value_type await_resume() const {
        this->check_granted();
        outcome<T>& result = this->state_->result();
        if (result.failure()) this->check(result.failure());
        if constexpr (std::is_reference_v<T>)
            return (*result).get();
        else if constexpr (!std::is_void_v<T>)
            return *result;
    }
};

} // namespace detail
} // namespace tandem
