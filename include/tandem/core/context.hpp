// The context of a task: what a chain of coroutines that await each other has in common.
//
// A chain (a spawned task and every task that it awaits, one at a time) shares one `task_context`. It knows
// the home scheduler, where to go on, whether the chain was cancelled, the deadline and the parent.
// Combinators such as `when_all` give each child a context of its own, linked to its parent's.
//
//     task_context A  (main)                 home: loop 0
//       fetch_all -> when_all                A waits in the join ...
//         task_context B  (fetch 1)          ... of B and C, whose parent is A
//         task_context C  (fetch 2)
//
// Resumption goes through a pump loop instead of symmetric transfer: a coroutine that ends, or that awaits
// another one, stores the other's handle and returns to the pump, which resumes it. So the stack stays flat
// whatever the compiler does (gcc 12 does not turn symmetric transfer into tail calls at -O0 or under
// sanitizers). Most children end without waiting, though. So `co_await child` runs the child's first step
// inside of the `co_await`, for so long as a chain may keep its loop (pump::call): then neither side goes
// through the pump.
//
// Thread safety: everything but `request_cancel` and `wake` belongs to the home scheduler.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/core/scheduler.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <source_location>
#include <stop_token>
#include <string_view>
#include <utility>

namespace tandem {

namespace detail {
class local_binding;
class promise_base;
class trace_hooks;
class task_registry;

// What the pump works with while it runs a task, on the stack of the thread that runs it. Who interrupts that
// thread may look at it, too (tandem/observe/stall_detector.hpp).
class pump {
public:
    pump() noexcept {}
    pump(std::coroutine_handle<> first, task_context& of) noexcept : coroutine(first), context(&of) {}

    std::coroutine_handle<> coroutine; // what runs; set by one that is about to return to the pump to where
                                       // to go on, null for nowhere: it waits, or the chain has ended
    task_context* context = nullptr;   // null once it has finished: it may be gone
    int hand_overs = most_hand_overs;  // so many are left until others get their turn

    // After this many hand-overs between coroutines that never waited, the chain goes to the end of the ready
    // queue, so that the loop's other tasks and its I/O get their turn. Each may be a level of the stack, of
    // about 100 bytes, or some hundred where nothing is optimized.
    static constexpr int most_hand_overs = 128;

    // In `await_suspend` of `caller`, which awaits `callee`: begins `callee`. True when it has ended already,
    // so that `caller` goes on at once. Otherwise something deeper waits, or the pump has to go on.
    static bool call(std::coroutine_handle<> callee, std::coroutine_handle<> caller) noexcept;

    // Runs the chain until it waits or has ended; the context may be gone then. `at`: what `coroutine` is, in
    // a register. Read back from memory, just written together with its neighbour, it came 4 ns later.
    void run(std::coroutine_handle<> at) noexcept {
        for (;;) {
            at.resume();
            at = coroutine;
            if (!at) return;
            if (--hand_overs <= 0) [[unlikely]] {
                give_way();
                return;
            }
        }
    }

private:
    void give_way() noexcept;
};

inline constinit thread_local pump* current_pump = nullptr;

inline bool pump::call(std::coroutine_handle<> callee, std::coroutine_handle<> caller) noexcept {
    pump& p = *current_pump;
    p.coroutine = callee;
    if (--p.hand_overs <= 0) [[unlikely]]
        return false;
    callee.resume();
    return p.coroutine == caller;
}

// Begins chains of the scheduler that runs on this thread, one after the other, each with its first step
// inside of the caller. The chain that the caller belongs to must not be resumed meanwhile.
class first_steps {
public:
    first_steps() noexcept : outer_(std::exchange(current_pump, &pump_)) {}
    first_steps(const first_steps&) = delete;
    first_steps& operator=(const first_steps&) = delete;
    ~first_steps() { current_pump = outer_; }

    void run(task_context& context, std::coroutine_handle<> entry) noexcept;

private:
    pump pump_;
    pump* outer_;
};

// The two things of a context that a scheduler runs: the next step of its chain, and the news of a
// cancellation.
class context_step : public ready_node {
protected:
    using ready_node::ready_node;
};
class cancel_message : public ready_node {
protected:
    using ready_node::ready_node;
};
} // namespace detail

// What is told when a context is cancelled: a suspended operation, or a scope of children. It is told on the
// home scheduler, at most once, and must not resume anything inline: it schedules.
class cancel_hook {
public:
    using action = void (*)(cancel_hook&) noexcept;
    explicit cancel_hook(action what) noexcept : cancel_(what) {}
    cancel_hook(const cancel_hook&) = delete;
    cancel_hook& operator=(const cancel_hook&) = delete;
    void cancel() noexcept { cancel_(*this); }

private:
    friend class task_context;
    action cancel_;
    cancel_hook* next_ = nullptr; // links of scopes
    cancel_hook* prev_ = nullptr;
};

// What a child takes over from its parent, for a child that is made where the parent must not be read.
class inherited_context {
public:
    explicit inherited_context(const task_context& parent) noexcept;

private:
    friend class task_context;
    task_context* parent_;
    scheduler::clock::time_point deadline_;
    std::string_view name_;
    detail::local_binding* locals_;
};

class task_context : private detail::context_step, private detail::cancel_message {
public:
    using completion = void (*)(task_context&) noexcept;
    using clock = scheduler::clock;

    // `on_done` is called once on the home scheduler when the chain has completed; it may destroy the
    // context. `shared`: whether `request_cancel` may be called from outside the home scheduler.
    task_context(scheduler& home, task_context* parent, completion on_done, bool shared) noexcept;

    // For a parent that runs elsewhere at this moment: nothing is read from it.
    task_context(scheduler& home, const inherited_context& from, completion on_done, bool shared) noexcept;
    ~task_context() {
        if (in_registry()) leave_registry(); // destroyed before its end: a runtime is being destroyed
    }

    scheduler& home() const noexcept { return *home_; }
    task_context* parent() const noexcept { return parent_; }

    // The context of the task that runs on this thread, or nullptr outside of any.
    // A completion (see the constructor) runs outside of any already.
    static task_context* current() noexcept {
        const detail::pump* const pump = detail::current_pump;
        return pump ? pump->context : nullptr;
    }

    // The point in time after which this chain is cancelled by an enclosing `with_timeout`; `max()` when
    // none.
    clock::time_point deadline() const noexcept { return deadline_; }
    void set_deadline(clock::time_point deadline) noexcept { deadline_ = deadline; }

    // For people: shown by `dump_tasks`, in traces and reports. Inherited until set. The text must outlive
    // the context (a literal).
    std::string_view name() const noexcept { return name_; }
    void set_name(std::string_view static_name) noexcept {
        // In this order, a signal handler on this thread never sees more characters than there are.
        name_.remove_suffix(name_.size());
        std::atomic_signal_fence(std::memory_order_seq_cst);
        name_ = std::string_view(static_name.data(), 0);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        name_ = static_name;
    }

    // The values of `task_local` variables in force, innermost first.
    detail::local_binding* locals() const noexcept { return locals_; }
    void set_locals(detail::local_binding* innermost) noexcept { locals_ = innermost; }

    // ---- running ----

    // For who begins one short chain after the other: makes a context whose chain has ended without ever
    // having waited as good as new. Not for a `shared` one.
    void begin_again() noexcept {
        deadline_ = parent_->deadline_;
        cancelled_ = parent_->cancelled_;
        name_ = parent_->name_;
        locals_ = parent_->locals_;
        if (stop_) [[unlikely]]
            stop_.reset();
    }

    // Starts a chain at `entry`: queued on the home scheduler, never inline. Thread-safe.
    void start(std::coroutine_handle<> entry) noexcept {
        resume_ = entry;
        home_->schedule(step());
    }

    // For awaiters, in `await_suspend`: this chain waits at `at` for `operation` (a literal, such as
    // "channel.receive"; for people). `hook` is told of a cancellation until `wake` has taken effect.
    void suspend(std::coroutine_handle<> at, cancel_hook* hook, const char* operation) noexcept {
        // In this order: a signal handler on this thread takes `resume_` where nothing runs any more, and the
        // coroutine of an earlier wait may be gone.
        resume_ = at;
        std::atomic_signal_fence(std::memory_order_release);
        detail::current_pump->coroutine = nullptr;
        leaf_ = hook;
#ifndef TANDEM_NO_TASK_REGISTRY
        operation_ = operation;
        since_ = home_->turn_time();
        if (id_ == 0) [[unlikely]]
            enter_registry();
#else
        static_cast<void>(operation);
#endif
    }

    // For awaiters that go on after all, having called `suspend`: `await_suspend` returns false, or throws.
    void do_not_suspend(std::coroutine_handle<> at) noexcept {
        detail::current_pump->coroutine = at;
        leaf_ = nullptr;
#ifndef TANDEM_NO_TASK_REGISTRY
        operation_ = nullptr;
#endif
    }

    // For awaiters that need not wait but have spent the budget: on at the end of the ready queue.
    void requeue(std::coroutine_handle<> at) noexcept {
        suspend(at, nullptr, nullptr);
        wake();
    }

    // Schedules a suspended chain to go on. Thread-safe, exactly once for each suspension.
    void wake() noexcept { home_->schedule(step()); }

    // Goes on at once, inside the caller. Only from the home scheduler's own dispatch (an Asio handler).
    void resume_now() noexcept;

    // For hand-overs: the pump resumes `to` as soon as the current coroutine has returned to it.
    static void transfer(std::coroutine_handle<> to) noexcept { detail::current_pump->coroutine = to; }

    // Called when the outermost coroutine of the chain has reached its end.
    void finish() noexcept;

    // Counts one operation that completed without waiting. False when the budget is spent: the awaiter then
    // suspends once, so that a task whose operations never block cannot starve its loop.
    bool spend() noexcept { return budget_-- > 0; }

    // ---- cancellation ----

    // Cancels the chain: its current operation and every scope of children in it are told; every later
    // operation fails at once. Thread-safe when `shared`; idempotent. The context must be alive during the
    // call.
    void request_cancel() noexcept;

    bool cancelled() const noexcept { return cancelled_; }

    // A token for code that knows nothing of tasks. Allocates on first use.
    std::stop_token stop_token();

    // A scope of children that is cancelled along with this chain, whatever the chain is waiting for.
    void add_scope(cancel_hook& scope) noexcept;
    void remove_scope(cancel_hook& scope) noexcept;

    // ---- observation: see tandem/observe/ ----

    // Where a group or a runtime was told to begin this task. Before `start` only.
    void set_spawned_at(const std::source_location& where) noexcept {
#ifndef TANDEM_NO_TASK_REGISTRY
        spawned_at_ = where;
#else
        static_cast<void>(where);
#endif
    }
    std::source_location spawned_at() const noexcept {
#ifndef TANDEM_NO_TASK_REGISTRY
        return spawned_at_;
#else
        return {};
#endif
    }

    // The coroutine that runs on this thread, or null: none does, or it is about to wait.
    static std::coroutine_handle<> running_coroutine() noexcept {
        const detail::pump* const pump = detail::current_pump;
        return pump ? pump->coroutine : nullptr;
    }

    // What this chain waits for (a literal, for people), or nullptr: it waits for nothing, or the registry is
    // compiled out. On the home scheduler only.
    const char* waiting_for() const noexcept {
#ifndef TANDEM_NO_TASK_REGISTRY
        return operation_;
#else
        return nullptr;
#endif
    }

private:
    friend class detail::task_registry;
    friend class detail::first_steps;
    friend class inherited_context;

    ready_node& step() noexcept { return static_cast<detail::context_step&>(*this); }
    static void run_node(ready_node& node) noexcept;
    static void deliver_node(ready_node& node) noexcept;
    void deliver_cancel() noexcept;
    void run() noexcept;
    void run_traced(detail::trace_hooks& listener) noexcept;
    bool in_registry() const noexcept {
#ifndef TANDEM_NO_TASK_REGISTRY
        return id_ != 0;
#else
        return false;
#endif
    }
    void enter_registry() noexcept;
    void leave_registry() noexcept;

    static constexpr unsigned cancel_posted = 1;
    static constexpr unsigned finished = 2;
    static constexpr int full_budget = 64;

    scheduler* home_;
    task_context* parent_;
    completion on_done_;
    std::coroutine_handle<> resume_; // set where the chain begins or waits
    cancel_hook* leaf_ = nullptr;
    cancel_hook* scopes_ = nullptr;
    clock::time_point deadline_;
    int budget_; // full at each resumption
    bool cancelled_ = false;
    bool shared_;
    bool message_delivered_ = false;
    detail::atomic<unsigned> state_{0};
    std::string_view name_;
    detail::local_binding* locals_ = nullptr;
    std::unique_ptr<std::stop_source> stop_;

#ifndef TANDEM_NO_TASK_REGISTRY
    // The home scheduler's list of its tasks, from the first suspension to the end (one that never waits is
    // never seen by anybody); only that thread uses it.
    std::uint64_t id_ = 0; // 0: not in the list
    task_context* registry_next_;
    task_context* registry_prev_;
    const char* operation_ = nullptr; // what it waits for, while it waits
    clock::time_point since_;         // when it began to
    std::source_location spawned_at_{};
#endif
};

inline inherited_context::inherited_context(const task_context& parent) noexcept
    : parent_(const_cast<task_context*>(&parent)), deadline_(parent.deadline_), name_(parent.name_),
      locals_(parent.locals_) {}

inline task_context::task_context(scheduler& home, task_context* parent, completion on_done,
                                  bool shared) noexcept
    : context_step(&task_context::run_node), cancel_message(&task_context::deliver_node), home_(&home),
      parent_(parent), on_done_(on_done), deadline_(parent ? parent->deadline_ : clock::time_point::max()),
      cancelled_(parent && parent->cancelled_), shared_(shared),
      name_(parent ? parent->name_ : std::string_view()), locals_(parent ? parent->locals_ : nullptr) {}

inline task_context::task_context(scheduler& home, const inherited_context& from, completion on_done,
                                  bool shared) noexcept
    : context_step(&task_context::run_node), cancel_message(&task_context::deliver_node), home_(&home),
      parent_(from.parent_), on_done_(on_done), deadline_(from.deadline_), shared_(shared), name_(from.name_),
      locals_(from.locals_) {}

inline void detail::first_steps::run(task_context& context, std::coroutine_handle<> entry) noexcept {
    context.budget_ = task_context::full_budget;
    pump_.coroutine = entry;
    pump_.context = &context;
    pump_.hand_overs = pump::most_hand_overs;
    pump_.run(entry);
}

} // namespace tandem
