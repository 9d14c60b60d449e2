// shield: work that its caller's cancellation does not reach.
//
//     co_await shield(journal.commit(record));       // ends in its own time, whatever happens outside
//     co_await shield(serve(), [&]() noexcept { stop.set(); });     // is told instead, and ends by itself
//
// The caller waits until the work has ended, also when it is cancelled meanwhile: no task outlives its scope.
// The value, or the exception, is then handed over as usual; the caller's next operation reports the
// cancellation (level-triggered). A shield that is begun in a cancelled task runs all the same: that is what
// cleaning up needs. Deadlines are not inherited: bound the work with a with_timeout inside the shield
// (or use with_cleanup). Name and task_local values are. The work's own cancellation (a with_timeout inside)
// works as everywhere.
//
// `told()`, when given, is called at most once, on the caller's scheduler: when the caller is cancelled while
// it waits, or at the begin when it was cancelled before. It must not throw or wait, and may use the work's
// own means of ending early (set an event, close a channel). No allocation.
#pragma once

#include <tandem/core/task.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {

class tells_nobody {
public:
    void operator()() const noexcept {}
};

// The awaiter is the context of the work, in the caller's frame.
template <class T, class Told>
class shield_awaiter : private task_context, private cancel_hook {
public:
    // Not as a child of the caller is made otherwise: that would take over its cancellation.
    shield_awaiter(task<T>&& work, Told&& told, task_context& caller) noexcept
        : task_context(caller.home(), inherited_context(caller), &shield_awaiter::done, false),
          cancel_hook(&shield_awaiter::on_cancel), work_(std::move(work)), told_(std::move(told)),
          caller_(caller) {
        set_deadline(clock::time_point::max());
    }

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> at) noexcept {
        const bool already = caller_.cancelled();
        caller_.suspend(at, this, "shield");
        start(work_.bind(*this));
        if (already) told_();
    }
    T await_resume() { return work_.take_result(); }

private:
    static void done(task_context& context) noexcept { static_cast<shield_awaiter&>(context).caller_.wake(); }
    static void on_cancel(cancel_hook& hook) noexcept { static_cast<shield_awaiter&>(hook).told_(); }

    task<T> work_;
    [[no_unique_address]] Told told_;
    task_context& caller_;
};

template <class T, class Told>
class [[nodiscard]] shield_operation {
public:
    shield_operation(task<T> work, Told told) noexcept : work_(std::move(work)), told_(std::move(told)) {}
    shield_awaiter<T, Told> await_in(task_context& caller) {
        return shield_awaiter<T, Told>(std::move(work_), std::move(told_), caller);
    }

private:
    task<T> work_;
    [[no_unique_address]] Told told_;
};

} // namespace detail

// See the top of this file. `awaitable`: a task, or whatever a task may await.
template <class A>
    requires detail::awaitable_in_task<A>
auto shield(A awaitable) {
    return detail::shield_operation<await_result_t<A>, detail::tells_nobody>(as_task(std::move(awaitable)),
                                                                             detail::tells_nobody());
}

template <class A, class Told>
    requires(detail::awaitable_in_task<A> && std::is_nothrow_invocable_v<Told&>)
auto shield(A awaitable, Told told) {
    return detail::shield_operation<await_result_t<A>, Told>(as_task(std::move(awaitable)), std::move(told));
}

} // namespace tandem
