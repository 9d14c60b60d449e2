// Children that a combinator runs side by side on its own scheduler, and the wait for all of them.
//
// The combinator is a coroutine; its children, with a context each, live in its frame (`child<T>`), so that
// running them allocates nothing. `co_await join` starts them all and goes on when the last has finished: at
// once when none of them has to wait, because the first steps of the first 128 run inside of the `co_await`,
// in order (those of the others are queued). Cancelling the combinator cancels the children; it still waits
// for them.
#pragma once

#include <tandem/core/task.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

namespace tandem::detail {

class child_row_base;
class join;

class child_base : public task_context {
public:
    explicit child_base(task_context& parent) noexcept
        : task_context(parent.home(), &parent, &child_base::done, false) {}

    child_base* next_sibling = nullptr; // the fields are the join's
    join* owner;
    std::size_t index;
    promise_base* promise;
    bool ended = false;

private:
    static void done(task_context& context) noexcept;
};

// One child. Made inside a running task.
template <class T>
class child : public child_base {
public:
    explicit child(task<T>&& work) noexcept : child(std::move(work), *current()) {}
    child(task<T>&& work, task_context& parent) noexcept : child_base(parent), work_(std::move(work)) {
        promise = &promise_base::of(work_.bind(*this));
    }
    T result() { return work_.take_result(); }
    std::exception_ptr failure() const noexcept { return work_.failure(); }

private:
    task<T> work_;
};

// When the others are cancelled.
enum class join_policy {
    cancel_on_failure, // as soon as one fails
    cancel_on_first,   // as soon as one ends, whichever way
    cancel_on_success, // as soon as one ends with a value
    wait,              // never
};

class join : private cancel_hook {
public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    // `operation` names the wait for people (a literal).
    explicit join(join_policy policy, const char* operation) noexcept
        : cancel_hook(&join::on_cancel), waiter_(*task_context::current()), operation_(operation),
          policy_(policy) {}

    void add(child_base& c) noexcept {
        c.owner = this;
        c.index = pending_++;
        (last_ ? last_->next_sibling : first_) = &c;
        last_ = &c;
    }

    void cancel_children() noexcept {
        for (child_base* c = first_; c; c = c->next_sibling)
            if (!c->ended) c->request_cancel();
    }

    // The child that ended first; the one that ended first with a value; the failure that came first.
    std::size_t first_ended() const noexcept { return first_ended_; }
    std::size_t first_success() const noexcept { return first_success_; }
    const std::exception_ptr& first_failure() const noexcept { return first_failure_; }
    task_context& waiter() const noexcept { return waiter_; }

    class awaiter {
    public:
        explicit awaiter(join& j) noexcept : join_(j) {}
        bool await_ready() const noexcept { return join_.pending_ == 0; }
        bool await_suspend(std::coroutine_handle<> at) noexcept { return join_.start(at); }
        void await_resume() const noexcept {}

    private:
        join& join_;
    };
    awaiter await_in(task_context&) noexcept { return awaiter(*this); }

    // `co_await all.of(row)`: the same for the children of a row, instead of those added.
    class row_awaiter {
    public:
        row_awaiter(join& j, child_row_base& row) noexcept : join_(j), row_(row) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> at) noexcept { return join_.start(at, row_); }
        void await_resume() const noexcept {}

    private:
        join& join_;
        child_row_base& row_;
    };
    class row_operation {
    public:
        row_operation(join& j, child_row_base& row) noexcept : join_(j), row_(row) {}
        row_awaiter await_in(task_context&) const noexcept { return row_awaiter(join_, row_); }

    private:
        join& join_;
        child_row_base& row_;
    };
    row_operation of(child_row_base& row) noexcept { return row_operation(*this, row); }

private:
    friend class child_base;

    // False when every child has ended, so that the waiter need not wait.
    bool start(std::coroutine_handle<> at) noexcept;
    bool start(std::coroutine_handle<> at, child_row_base& row) noexcept;
    bool started(std::coroutine_handle<> at) noexcept;

    void ended(child_base& c) noexcept;
    void first_of_its_kind(const child_base& c) noexcept;

    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<join&>(hook);
        self.cancelling_ = true;
        self.cancel_children();
    }

    task_context& waiter_;
    const char* operation_;
    child_base* first_ = nullptr;
    child_base* last_ = nullptr;
    std::size_t pending_ = 0;
    std::size_t first_ended_ = none;
    std::size_t first_success_ = none;
    std::exception_ptr first_failure_;
    join_policy policy_;
    bool cancelling_ = false;
    bool starting_ = false; // `start` sees for itself whether all have ended
};

} // namespace tandem::detail
