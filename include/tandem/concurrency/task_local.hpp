// task_local<T>: a value that is in force for a task and everything that it awaits or starts.
//
//     task_local<std::string> request_id;                          // a namespace-scope variable
//
//     co_await request_id.with("42", handle, std::move(request));  // bound for all of handle
//     if (const std::string* id = request_id.get()) log(*id);      // anywhere inside, children included
//
// A binding is in force while what `with` was given runs, and in every child made there (when_all,
// task groups opened inside, children on other loops as well). It is immutable as long as it is in force, so
// children on several loops may read it without a lock; to change a value bind it anew for a narrower scope.
//
// Who does not see it: a call on the pool (`offload`: pass the value as an argument), `runtime::spawn` and
// shared tasks (they outlive the scope), and a task spawned into a group that was opened outside of the
// binding: a child sees what was in force where its group was made. An async_generator sees what is in force
// where it is asked for its next item.
#pragma once

#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>

#include <utility>

namespace tandem {

namespace detail {

// One binding, in the frame of `with`: a node of the chain that starts at `task_context::locals()`. Children
// start their chains in their parent's, which outlives them.
class local_binding {
public:
    local_binding(const void* variable, task_context& context) noexcept
        : variable_(variable), outer_(context.locals()), context_(context) {
        context.set_locals(this);
    }
    ~local_binding() { context_.set_locals(outer_); }
    local_binding(const local_binding&) = delete;
    local_binding& operator=(const local_binding&) = delete;

    // The innermost binding of `variable` in force in the running task, or nullptr.
    static local_binding* find(const void* variable) noexcept {
        const task_context* const context = task_context::current();
        local_binding* b = context ? context->locals() : nullptr;
        while (b && b->variable_ != variable)
            b = b->outer_;
        return b;
    }

private:
    const void* variable_;
    local_binding* outer_;
    task_context& context_;
};

template <class T>
class local_value : public local_binding {
public:
    local_value(const void* variable, task_context& context, T&& value)
        : local_binding(variable, context), value_(std::move(value)) {}
    const T& value() const noexcept { return value_; }

private:
    const T value_;
};

template <class T, class R>
task<R> run_with_local(const void* variable, T value, task<R> work) {
    const local_value<T> bound(variable, *task_context::current(), std::move(value));
    co_return co_await std::move(work);
}

} // namespace detail

template <class T>
class task_local {
public:
    task_local() noexcept {}
    task_local(const task_local&) = delete; // its address is its identity; it outlives its bindings
    task_local& operator=(const task_local&) = delete;

    // Binds `value` for `awaitable`, or for `f(args...)` (called inside the binding), and gives its result.
    // Cancellation: the work's own affair.
    template <class A>
        requires detail::awaitable_in_task<A>
    task<await_result_t<A>> with(T value, A awaitable) const {
        return detail::run_with_local<T>(this, std::move(value), as_task(std::move(awaitable)));
    }
    template <class F, class... Args>
        requires(!detail::awaitable_in_task<F> && invocable_task<F, Args...>)
    task<invoke_awaited_t<F, Args...>> with(T value, F f, Args... args) const {
        return detail::run_with_local<T>(this, std::move(value),
                                         tandem::invoke(std::move(f), std::move(args)...));
    }

    // The value in force in the running task; nullptr when there is none, or outside of tasks. Valid as long
    // as the binding. Linear in the number of bindings in force.
    const T* get() const noexcept {
        const detail::local_binding* const found = detail::local_binding::find(this);
        return found ? &static_cast<const detail::local_value<T>*>(found)->value() : nullptr;
    }
};

} // namespace tandem
