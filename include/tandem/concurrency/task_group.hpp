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
// every child; with_task_group waits for them and throws operation_cancelled when that cut one of them short
// (a body's result that arrived is handed over nevertheless). `cancel()` cancels the children and the body;
// with_task_group then returns normally (a body with a result throws operation_cancelled). A child may spawn
// into its own group. What is spawned after `cancel()` is refused: `spawn` destroys it and returns false.
// Thread safety: `spawn`, `spawn_on`, `cancel` and `size` may be called from any thread as long as the group
// exists.
#pragma once

#include <tandem/core/error.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string_view>
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
    // the first error; after a cancellation of the waiting task throws operation_cancelled. One task at a
    // time; it may be a child of the group's owner, as in `with_timeout(5s, group.join())`.
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
        member* next_to_cancel_ = nullptr;
        bool owned_; // deleted by the group when done

    public:
        static void* operator new(std::size_t size) { return detail::allocate_frame(size); }
        static void operator delete(void* memory, std::size_t size) noexcept {
            detail::deallocate_frame(memory, size);
        }
    };
    void add_body(member& body) noexcept;
    void forget(member& body) noexcept; // when a body is destroyed before its end
    class quiet_join_awaiter;
    class quiet_join;
    quiet_join wait() noexcept;      // as join, but never throws
    bool cut_short() const noexcept; // whether a child ended with operation_cancelled

private:
    template <class F, class... Args>
    static task<> invoke_void(F f, Args... args) {
        co_await std::invoke(f, std::move(args)...);
    }
    bool add(scheduler& where, task<> work);
    void link(member& m) noexcept;
    void ended(member& m) noexcept;
    void destroy_children() noexcept;
    static void on_cancel(cancel_hook& hook) noexcept;

    scheduler& home_;
    task_context& owner_;
    // What children inherit. Taken once: `spawn` may run on any thread, and the owner's context is not to be
    // read there.
    const inherited_context inherited_;
    mutable std::mutex mutex_;
    member* first_ = nullptr;
    std::size_t size_ = 0;
    bool cancelled_ = false;
    bool cut_short_ = false;
    task_context* joiner_ = nullptr;
    std::vector<std::exception_ptr> errors_;
};

// Waits in the chain that awaits it, which need not be the owner's own: a cancellation that reaches only this
// chain (a timeout around `join`) is passed on to the children as well.
class task_group::quiet_join_awaiter : private cancel_hook {
public:
    quiet_join_awaiter(task_group& group, task_context& context) noexcept
        : cancel_hook(&quiet_join_awaiter::on_cancel), group_(group), context_(context) {}
    ~quiet_join_awaiter();
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    void await_resume() noexcept { waiting_ = false; }

private:
    static void on_cancel(cancel_hook& hook) noexcept;

    task_group& group_;
    task_context& context_;
    bool waiting_ = false;
};

class task_group::quiet_join {
public:
    explicit quiet_join(task_group& group) noexcept : group_(group) {}
    quiet_join_awaiter await_in(task_context& context) const noexcept {
        return quiet_join_awaiter(group_, context);
    }

private:
    task_group& group_;
};

namespace detail {

template <class T>
class group_body : public task_group::member {
public:
    group_body(task_group& group, task<T>&& body) noexcept
        : member(group, task_context::current()->home(), false), body_(std::move(body)), body_group_(group) {
        entry = body_.bind(*this);
        promise = &promise_base::of(entry);
    }
    ~group_body() {
        if (!body_.completed()) body_group_.forget(*this);
    }
    T result() { return body_.take_result(); }
    std::exception_ptr failure() const noexcept { return body_.failure(); }

private:
    task<T> body_;
    task_group& body_group_;
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
        // The body and the children may have been cut short by group.cancel(), which is no failure; by the
        // caller's cancellation is, or the caller would take unfinished work for done.
        if (group.cut_short() && task_context::current()->cancelled())
            throw operation_cancelled("a task group was cancelled");
    } else {
        co_return main.result();
    }
}

} // namespace tandem
