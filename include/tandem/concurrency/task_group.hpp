// task_group: a scope of tasks that run side by side; none of them outlives it.
//
//     co_await with_task_group([&](task_group& group) -> task<> {
//         group.spawn(serve, std::ref(listener));
//         group.spawn(named("flush"), flush_every, 1s);
//         co_await shutdown_requested();
//         group.cancel();
//     });                                     // here every task of the group has ended
//
// Failure: the first exception of a child or of the body cancels all the others, and with_task_group rethrows
// it when they have ended. What the others throw while they are being cancelled does not hide it; every
// exception is kept, in order (`errors()`). With `failure_policy::collect_all` the others, the body among
// them, run on; one exception is then rethrown as it is, several as an `aggregate_error`. A task that ends
// with operation_cancelled has not failed.
//
// Cancellation: cancelling the task that waits for the group cancels every child; with_task_group waits for
// them and throws operation_cancelled when that cut one of them short (a body's result that arrived is handed
// over nevertheless). `cancel()` cancels the children and the body; with_task_group then returns normally (a
// body with a result throws operation_cancelled). What is spawned after `cancel()` is refused: destroyed
// without being begun.
//
// Limit: with `task_group_options().limit(n)` at most n children run at a time (the body does not count).
// `spawn` beyond it holds the child back until a place is free; `spawn_when_free` makes the spawner wait
// instead, `try_spawn` gives up. Places go to children held back first, then to waiting spawners; first come,
// first served in both. A child that waits for a place in its own group keeps its own place meanwhile: with a
// limit of 1 it waits for ever.
//
// Thread safety: everything but `join` may be called from any thread as long as the group exists, and from
// its children; those functions that are awaited, from tasks of any loop.
#pragma once

#include <tandem/concurrency/child_result.hpp>
#include <tandem/concurrency/detail/group_child.hpp>
#include <tandem/concurrency/task_group_options.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

class task_group : private cancel_hook {
public:
    // Belongs to the task that makes it, which must wait for it: `co_await group.join()`. Prefer
    // with_task_group, which cannot forget it.
    explicit task_group(task_group_options options = task_group_options());
    // Every child must have ended; otherwise prints which have not, and terminates.
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    // ---- children; each of these functions takes `named("...")` before `f`, too ----

    // Starts `f(args...)` (a task or other awaitable; its result is dropped) on the group's own scheduler.
    // The callable and the arguments are kept as long as the coroutine runs, and destroyed on its thread
    // (what is refused: on the caller's or the canceller's). False when refused. About 60 ns with the join;
    // one recycled allocation beside the one of `f` itself. Unnamed, a child is shown with the name of the
    // group's owner and the place of the spawner's last `co_await`.
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    bool spawn(F f, Args... args) {
        return add(detail::at_last_await(detail::run_child(*this, home_, std::move(f), std::move(args)...)));
    }
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    bool spawn(task_name name, F f, Args... args) {
        return add(detail::called(name, detail::run_child(*this, home_, std::move(f), std::move(args)...)));
    }
    bool spawn(task<> work) {
        return add(detail::at_last_await(detail::run_task(*this, home_, std::move(work))));
    }
    bool spawn(task_name name, task<> work) {
        return add(detail::called(name, detail::run_task(*this, home_, std::move(work))));
    }

    // The same on another scheduler (`runtime::loop(i)`); the child's failure and end are reported back.
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    bool spawn_on(scheduler& where, F f, Args... args) {
        return add(detail::at_last_await(detail::run_child(*this, where, std::move(f), std::move(args)...)));
    }
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    bool spawn_on(scheduler& where, task_name name, F f, Args... args) {
        return add(detail::called(name, detail::run_child(*this, where, std::move(f), std::move(args)...)));
    }

    // A child whose result is wanted. Its failure is the group's as well, by the group's policy. When refused
    // or cancelled, `result()` throws operation_cancelled. One allocation more than `spawn`.
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    child_result<invoke_awaited_t<F, Args...>> spawn_result(F f, Args... args) {
        auto state = std::make_shared<detail::result_state<invoke_awaited_t<F, Args...>>>();
        add(detail::at_last_await(
            detail::run_for_result(*this, home_, sender(state), std::move(f), std::move(args)...)));
        return child_result(std::move(state));
    }
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    child_result<invoke_awaited_t<F, Args...>> spawn_result(task_name name, F f, Args... args) {
        auto state = std::make_shared<detail::result_state<invoke_awaited_t<F, Args...>>>();
        add(detail::called(
            name, detail::run_for_result(*this, home_, sender(state), std::move(f), std::move(args)...)));
        return child_result(std::move(state));
    }
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    child_result<invoke_awaited_t<F, Args...>> spawn_result_on(scheduler& where, F f, Args... args) {
        auto state = std::make_shared<detail::result_state<invoke_awaited_t<F, Args...>>>();
        add(detail::at_last_await(
            detail::run_for_result(*this, where, sender(state), std::move(f), std::move(args)...)));
        return child_result(std::move(state));
    }
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    child_result<invoke_awaited_t<F, Args...>> spawn_result_on(scheduler& where, task_name name, F f,
                                                               Args... args) {
        auto state = std::make_shared<detail::result_state<invoke_awaited_t<F, Args...>>>();
        add(detail::called(
            name, detail::run_for_result(*this, where, sender(state), std::move(f), std::move(args)...)));
        return child_result(std::move(state));
    }

    // Starts `f(start, args...)`, `start` being a `started<T>&`, and waits until the child has called
    // `start.ready(value)`; yields that value. The child runs on as any other. Throws what the child throws
    // before that (this failure is the starter's alone, not the group's), std::logic_error when it ends
    // without having said so, operation_cancelled when it is refused or cancelled. Cancellation: cancels the
    // child unless it was ready, and throws at once; the group waits for the child as for any other.
    template <class T = void, class F, class... Args>
        requires invocable_task<F, started<T>&, Args...>
    [[nodiscard]] task<T> start(F f, Args... args) {
        auto state = std::make_shared<detail::result_state<T>>();
        const detail::starting<T> attempt(*state);
        add(detail::at_last_await(
            detail::run_and_start(*this, home_, sender(state), std::move(f), std::move(args)...)));
        co_return co_await typename detail::result_state<T>::operation(*state, "task_group.start");
    }
    template <class T = void, class F, class... Args>
        requires invocable_task<F, started<T>&, Args...>
    [[nodiscard]] task<T> start(task_name name, F f, Args... args) {
        auto state = std::make_shared<detail::result_state<T>>();
        const detail::starting<T> attempt(*state);
        add(detail::called(
            name, detail::run_and_start(*this, home_, sender(state), std::move(f), std::move(args)...)));
        co_return co_await typename detail::result_state<T>::operation(*state, "task_group.start");
    }

    // Waits until a place is free, then spawns. Yields false when refused. Cancellation of the waiting task:
    // throws operation_cancelled, nothing was spawned.
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    [[nodiscard]] task<bool> spawn_when_free(F f, Args... args);
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    [[nodiscard]] task<bool> spawn_when_free(task_name name, F f, Args... args);

    // Spawns if a place is free and nobody waits for it. When it returns false, `f` and `args` are untouched,
    // unless another thread cancelled the group meanwhile (`cancelled()`): then they may be gone.
    template <class F, class... Args>
        requires invocable_task<std::decay_t<F>, std::decay_t<Args>...>
    bool try_spawn(F&& f, Args&&... args) {
        reserved_place place = try_reserve();
        if (!place) return false;
        return add(detail::at_last_await(detail::run_child<std::decay_t<F>, std::decay_t<Args>...>(
                       *this, home_, std::forward<F>(f), std::forward<Args>(args)...)),
                   place);
    }
    template <class F, class... Args>
        requires invocable_task<std::decay_t<F>, std::decay_t<Args>...>
    bool try_spawn(task_name name, F&& f, Args&&... args) {
        reserved_place place = try_reserve();
        if (!place) return false;
        return add(detail::called(name, detail::run_child<std::decay_t<F>, std::decay_t<Args>...>(
                                            *this, home_, std::forward<F>(f), std::forward<Args>(args)...)),
                   place);
    }

    // ---- the whole ----

    // Cancels every child. Children held back are destroyed, waiting spawners are refused. Idempotent.
    void cancel() noexcept;
    bool cancelled() const noexcept;

    // Children that have not ended, those held back and the body of with_task_group included.
    std::size_t size() const noexcept;

    // The exceptions of children so far, oldest first. Cancellations are not among them.
    std::vector<std::exception_ptr> errors() const;

    // Waits until every child has ended (also when cancelled: it cancels them and waits on). Then throws as
    // the failure policy says; after a cancellation of the waiting task throws operation_cancelled. One task
    // at a time, on the group's scheduler; it may be a child of the group's owner, as in
    // `with_timeout(5s, group.join())`.
    [[nodiscard]] task<> join();

    // ---- for with_task_group ----

    void add_body(detail::group_member& body) noexcept;
    void forget(detail::group_member& body) noexcept;             // when a body is destroyed before its end
    void add_failure(const std::exception_ptr& failure) noexcept; // of whoever belongs to the group
    class quiet_join_awaiter;
    class quiet_join;
    quiet_join wait() noexcept;      // as join, but never throws
    void throw_errors() const;       // as the policy says, if there are any
    bool cut_short() const noexcept; // whether a child ended with operation_cancelled, or never began

private:
    friend class detail::group_member;

    // The right to run one child.
    class reserved_place {
    public:
        reserved_place() noexcept {}
        explicit reserved_place(task_group& group) noexcept : group_(&group) {}
        reserved_place(reserved_place&& other) noexcept : group_(std::exchange(other.group_, nullptr)) {}
        reserved_place& operator=(reserved_place&&) = delete;
        ~reserved_place() {
            if (group_) group_->give_place_back();
        }
        explicit operator bool() const noexcept { return group_ != nullptr; }
        void used() noexcept { group_ = nullptr; }

    private:
        task_group* group_ = nullptr;
    };
    class place_awaiter;
    class place_operation;
    place_operation free_place() noexcept;
    reserved_place try_reserve() noexcept;
    void give_place_back() noexcept;

    template <class T>
    static detail::result_sender<T> sender(const std::shared_ptr<detail::result_state<T>>& state) noexcept {
        return detail::result_sender<T>(state);
    }

    bool add(detail::group_child child) noexcept;
    bool add(detail::group_child child, reserved_place& place) noexcept;
    void begin(detail::group_member& m) noexcept; // mutex_ held, as for all down to hand_on
    void link(detail::group_member& m) noexcept;
    void unlink(detail::group_member& m) noexcept;
    void hand_on(wake_chain& to_wake) noexcept; // free places, to those that wait for one
    task_context* one_less() noexcept;          // whom to wake
    void ended(detail::group_member& m) noexcept;
    void destroy_children() noexcept;
    void report_running() const noexcept;
    static void on_cancel(cancel_hook& hook) noexcept;

    scheduler& home_;
    task_context& owner_;
    // What children inherit. Taken once: `spawn` may run on any thread, and the owner's context is not to be
    // read there.
    const inherited_context inherited_;
    const std::size_t limit_;
    const failure_policy policy_;
    mutable detail::short_lock mutex_;
    detail::group_member* first_ = nullptr;      // every member
    detail::group_member* held_first_ = nullptr; // those of them that wait for a place
    detail::group_member* held_last_ = nullptr;
    wait_list spawners_; // tasks that wait for a place
    std::size_t size_ = 0;
    std::size_t places_taken_ = 0; // children that run, and places reserved
    bool cancelled_ = false;
    bool cut_short_ = false;
    task_context* joiner_ = nullptr;
    std::vector<std::exception_ptr> errors_;
    std::exception_ptr unlisted_error_; // for which errors_ had no memory
};

class task_group::place_awaiter : private queued_operation {
public:
    place_awaiter(task_group& group, task_context& context) noexcept
        : queued_operation(context, group.mutex_), group_(group) {}
    ~place_awaiter();

    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    reserved_place await_resume();

private:
    friend class task_group;
    bool attempt() noexcept; // mutex_ held

    task_group& group_;
    bool has_place_ = false; // granted without one: refused
};

class task_group::place_operation {
public:
    explicit place_operation(task_group& group) noexcept : group_(group) {}
    place_awaiter await_in(task_context& context) const noexcept { return place_awaiter(group_, context); }

private:
    task_group& group_;
};

inline task_group::place_operation task_group::free_place() noexcept {
    return place_operation(*this);
}

template <class F, class... Args>
    requires invocable_task<F, Args...>
task<bool> task_group::spawn_when_free(F f, Args... args) {
    reserved_place place = co_await free_place();
    if (!place) co_return false;
    co_return add(detail::at_last_await(detail::run_child(*this, home_, std::move(f), std::move(args)...)),
                  place);
}

template <class F, class... Args>
    requires invocable_task<F, Args...>
task<bool> task_group::spawn_when_free(task_name name, F f, Args... args) {
    reserved_place place = co_await free_place();
    if (!place) co_return false;
    co_return add(detail::called(name, detail::run_child(*this, home_, std::move(f), std::move(args)...)),
                  place);
}

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
class group_body : public group_member {
public:
    group_body(task_group& group, task<T>&& body) noexcept
        : group_member(group, task_context::current()->home(), true), body_(std::move(body)),
          body_group_(group) {
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

template <class Body, class... Args>
using body_result_t = await_result_t<std::invoke_result_t<Body&, task_group&, Args...>>;

} // namespace detail

// Runs `body(group, args...)` with a group of its own and waits for both. Returns the body's result. What
// `body` throws before it has given its task (a function need not be a coroutine) counts as its failure too.
template <class Body, class... Args>
    requires std::is_invocable_v<Body&, task_group&, Args...>
task<detail::body_result_t<Body, Args...>> with_task_group(task_group_options options, Body body,
                                                           Args... args) {
    using result = detail::body_result_t<Body, Args...>;
    task_group group(options);
    std::optional<detail::group_body<result>> main;
    std::exception_ptr no_body;
    try {
        main.emplace(group, as_task(std::invoke(body, group, std::move(args)...)));
    } catch (...) {
        no_body = std::current_exception();
    }
    if (main)
        group.add_body(*main);
    else
        group.add_failure(no_body);
    co_await group.wait();
    group.throw_errors();
    if constexpr (std::is_void_v<result>) {
        // The body and the children may have been cut short by group.cancel(), which is no failure; by the
        // caller's cancellation is, or the caller would take unfinished work for done.
        if (group.cut_short() && task_context::current()->cancelled())
            throw operation_cancelled("a task group was cancelled");
    } else {
        if (no_body) std::rethrow_exception(no_body); // a cancellation: otherwise thrown above
        co_return main->result();
    }
}
template <class Body, class... Args>
    requires std::is_invocable_v<Body&, task_group&, Args...>
task<detail::body_result_t<Body, Args...>> with_task_group(Body body, Args... args) {
    return with_task_group(task_group_options(), std::move(body), std::move(args)...);
}

} // namespace tandem
