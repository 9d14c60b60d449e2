// task_group: a scope of tasks that run side by side; none of them outlives it.
//
//     co_await with_task_group([&](task_group& group) -> task<> {
//         group.spawn(serve, std::ref(listener));
//         group.spawn(flush_every, 1s);
//         co_await shutdown_requested();
//         group.cancel();
//     });                                     // here every task of the group has ended
//
// Failure: the first exception of a child or of the body cancels all the others, and with_task_group rethrows
// it when they have ended. Every exception is kept, in order (`errors()`); a task that ends with
// operation_cancelled has not failed. Cancellation: cancelling the task that waits for the group cancels
// every child. `cancel()` cancels the children and the body; with_task_group then returns normally (a body
// with a result throws operation_cancelled). A child may spawn into its own group. What is spawned after
// `cancel()` is refused: `spawn` destroys it and returns false. Thread safety: `spawn`, `spawn_on`, `cancel`
// and `size` may be called from any thread as long as the group exists.
#pragma once

#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

namespace tandem {

class task_group : private cancel_hook {
public:
    // Belongs to the task that makes it, which must wait for it: `co_await group.join()`. Prefer
    // with_task_group, which cannot forget it.
    task_group();
    // Every child must have ended; otherwise prints a diagnostic and terminates.
    ~task_group();

    // Starts `f(args...)` (a task or other awaitable; its result is dropped) on the group's own scheduler.
    // The callable and the arguments are kept as long as the coroutine runs. About 40 ns; three recycled
    // allocations.
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    bool spawn(F f, Args... args) {
        return add(home_, invoke_void(std::move(f), std::move(args)...));
    }
    bool spawn(task<> work) { return add(home_, std::move(work)); }

    // The same on another scheduler (`runtime::loop(i)`); the child's failure and end are reported back.
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    bool spawn_on(scheduler& where, F f, Args... args) {
        return add(where, invoke_void(std::move(f), std::move(args)...));
    }

    // Cancels every child. Idempotent.
    void cancel() noexcept;
    bool cancelled() const noexcept;

    // Children that have not ended.
    std::size_t size() const noexcept;

    // The exceptions of children so far, oldest first. Cancellations are not among them.
    std::vector<std::exception_ptr> errors() const;

    // Waits until every child has ended (also when cancelled: it cancels them and waits on). Then rethrows
    // the first error; after a cancellation of the waiting task throws operation_cancelled.
    [[nodiscard]] task<> join();

    // A member of a group, for `with_task_group`.
    class member : public task_context {
    public:
        member(task_group& group, scheduler& home, bool owned) noexcept;

        task<> work;
        std::coroutine_handle<> entry;
        detail::promise_base* promise = nullptr;

    private:
        friend class task_group;
        static void done(task_context& context) noexcept;
        task_group& group_;
        member* next_ = nullptr;
        member* prev_ = nullptr;
        bool owned_; // deleted by the group when done

    public:
        static void* operator new(std::size_t size) { return detail::allocate_frame(size); }
        static void operator delete(void* memory, std::size_t size) noexcept {
            detail::deallocate_frame(memory, size);
        }
    };
    void add_body(member& body) noexcept;
    class quiet_join_awaiter;
    quiet_join_awaiter wait() noexcept; // as join, but never throws

private:
    template <class F, class... Args>
    static task<> invoke_void(F f, Args... args) {
        co_await std::invoke(f, std::move(args)...);
    }
    bool add(scheduler& where, task<> work);
    void link(member& m) noexcept;
    void ended(member& m) noexcept;
    static void on_cancel(cancel_hook& hook) noexcept;

    scheduler& home_;
    task_context& owner_;
    mutable std::mutex mutex_;
    member* first_ = nullptr;
    std::size_t size_ = 0;
    bool cancelled_ = false;
    task_context* joiner_ = nullptr;
    std::vector<std::exception_ptr> errors_;
};

class task_group::quiet_join_awaiter {
public:
    explicit quiet_join_awaiter(task_group& group) noexcept : group_(group) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    void await_resume() const noexcept {}
    quiet_join_awaiter await_in(task_context&) const noexcept { return quiet_join_awaiter(group_); }

private:
    task_group& group_;
};

namespace detail {

template <class T>
class group_body : public task_group::member {
public:
    group_body(task_group& group, task<T>&& body) noexcept
        : member(group, task_context::current()->home(), false), body_(std::move(body)) {
        entry = body_.bind(*this);
        promise = &std::coroutine_handle<task_promise<T>>::from_address(entry.address()).promise();
    }
    T result() { return body_.take_result(); }
    std::exception_ptr failure() const noexcept { return body_.failure(); }

private:
    task<T> body_;
};

} // namespace detail

// Runs `body(group, args...)` with a group of its own and waits for both. Returns the body's result.
template <class Body, class... Args>
    requires std::is_invocable_v<Body&, task_group&, Args...>
task<await_result_t<std::invoke_result_t<Body&, task_group&, Args...>>> with_task_group(Body body,
                                                                                        Args... args) {
    using result = await_result_t<std::invoke_result_t<Body&, task_group&, Args...>>;
    task_group group;
    detail::group_body<result> main(group, as_task(std::invoke(body, group, std::move(args)...)));
    group.add_body(main);
    co_await group.wait();
    const std::vector<std::exception_ptr> errors = group.errors();
    if (!errors.empty()) std::rethrow_exception(errors.front());
    if constexpr (std::is_void_v<result>) {
        // The body may have been cut short by group.cancel(), which is no failure; by the caller's
        // cancellation is.
        if (main.failure() && task_context::current()->cancelled()) std::rethrow_exception(main.failure());
    } else {
        co_return main.result();
    }
}

} // namespace tandem
