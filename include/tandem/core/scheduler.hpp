// A scheduler is where tasks run: one thread at a time, first in, first out.
//
// Every task has a home scheduler and is resumed there, always. The usual one is a loop of a `runtime`; a
// task spawned on a plain Asio executor (`tandem/asio.hpp`) gets one made of a strand over that executor.
// Authors of primitives use this header; users of tasks need not know it.
#pragma once

#include <tandem/core/detail/ready_queue.hpp>
#include <tandem/core/detail/sync_policy.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace boost::asio {
class any_io_executor;
}

namespace tandem {

class runtime;
class scheduler;
class task_context;
class thread_pool;

namespace detail {

class listed_scheduler;
class task_registry;

// The scheduler that runs on this thread at this moment, or nullptr.
inline constinit thread_local const scheduler* current_scheduler = nullptr;

} // namespace detail

// A timer of a scheduler's coarse wheel (1 ms ticks; never early, at most about 2 ms late on an idle loop).
// Intrusive; arming and disarming cost no allocation and no system call.
class timer_node {
public:
    using action = void (*)(timer_node&) noexcept;
    explicit timer_node(action what) noexcept : fire_(what) {}
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;

    bool armed() const noexcept { return prev != nullptr; }
    void fire() noexcept { fire_(*this); }

    timer_node* next = nullptr; // the fields below are owned by the wheel
    timer_node* prev = nullptr;
    unsigned long long tick = 0;
    unsigned slot = 0;

private:
    action fire_;
};

class scheduler {
public:
    using clock = std::chrono::steady_clock;

    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;

    // Queues `node`; it runs later on this scheduler, after everything queued before it. Thread-safe, never
    // blocks, allocates nothing for a runtime's loop. From the scheduler itself about 1 ns.
    void schedule(ready_node& node) noexcept {
        if (detail::current_scheduler != this) [[unlikely]]
            schedule_from_outside(node);
        else if (!torn_down()) [[likely]] // else nothing runs any more; the node may be gone before the queue
            ready_.push(node);
    }

    // Whether the calling code runs on this scheduler.
    virtual bool is_current() const noexcept = 0;

    // Arms `timer`, which must not be armed; disarm is a no-op for one that is not. On this scheduler only.
    virtual void arm(timer_node& timer, clock::time_point when) noexcept = 0;
    virtual void disarm(timer_node& timer) noexcept = 0;

    // The clock of this scheduler's timers; a test may have replaced it (tandem/testing.hpp).
    virtual clock::time_point now() const noexcept { return clock::now(); }

    // `now()` at the begin of the present turn of the loop: free of cost, good enough for people. On this
    // scheduler only.
    clock::time_point turn_time() const noexcept { return turn_time_; }

    // The pool that `offload` uses, or nullptr where there is none (a foreign Asio executor).
    virtual thread_pool* companion() const noexcept = 0;

    // The runtime whose loop this is, or nullptr for a foreign Asio executor.
    virtual runtime* owner() const noexcept { return nullptr; }

    // The Asio executor that this scheduler's I/O objects use. An exception that leaves a handler on a
    // runtime's loop ends the process: see `this_executor` in tandem/asio.hpp.
    virtual boost::asio::any_io_executor executor() const = 0;

    // Bookkeeping of operations whose handlers Asio holds: begun, completed, or destroyed without completion.
    // The last says whether it was the last one of a foreign context that is being destroyed: then
    // `destroy_tasks` is to be called, which destroys the tasks that wait there.
    virtual void operation_started() noexcept {}
    virtual void operation_finished() noexcept {}
    virtual bool operation_dropped() noexcept { return false; }
    virtual void destroy_tasks() noexcept {}

    // An awaiting frame goes, with its runtime, while another execution context still holds the handler. That
    // context may hand the handler over to this scheduler's executor at any time, so the scheduler must stay.
    virtual void operation_left_behind() noexcept {}

    // Bookkeeping of computations on a pool that a task here waits for: a test's clock must not run ahead of
    // them.
    virtual void computation_started() noexcept {}
    virtual void computation_finished() noexcept {}

    // Bookkeeping of threads that have taken a waiting task of this scheduler out of a queue and will wake it
    // (tandem/core/wait_list.hpp): while there is one, neither the frame of that task nor the scheduler goes
    // away. Nothing to do on the scheduler itself: nobody destroys it while it runs.
    void waker_begins() noexcept {
        if (detail::current_scheduler != this) wakers_.count.fetch_add(1, std::memory_order_relaxed);
    }
    void waker_done() noexcept { // the last touch
        if (detail::current_scheduler != this) wakers_.count.fetch_sub(1, std::memory_order_release);
    }
    bool has_wakers() const noexcept { return wakers_.count.load(std::memory_order_acquire) != 0; }
    void wait_for_wakers() const noexcept; // they need nanoseconds, if they are not interrupted

    // For people: what it is, which of its runtime's, and whether nobody runs it at this moment (then it
    // cannot be asked for its tasks).
    virtual const char* kind() const noexcept { return "thread"; }
    virtual std::size_t index() const noexcept { return 0; }
    virtual bool stands_still() const noexcept { return false; }

    // Whether nothing may run ahead of the queue, because a test chooses the order of the steps.
    bool every_step_is_queued() const noexcept { return queue_every_step_; }

    // True while everything that still waits here is being destroyed: scopes then let go of their tasks
    // silently. From another thread: false may be out of date.
    bool torn_down() const noexcept { return torn_down_.load(std::memory_order_relaxed); }

protected:
    scheduler() = default;
    ~scheduler() { delist(); }
    void tear_down() noexcept { torn_down_.store(true, std::memory_order_relaxed); }
    void queue_every_step() noexcept { queue_every_step_ = true; }

    // `schedule`, called on a thread where this scheduler is not the current one.
    virtual void schedule_from_outside(ready_node& node) noexcept = 0;

    // A scheduler is in the process's list, through which `dump_tasks` asks it for its tasks, from the first
    // task that waits here until this call. Each kind of scheduler calls it first in its own destructor:
    // whoever asks uses `schedule`, and later that is gone.
    void delist() noexcept {
#ifndef TANDEM_NO_TASK_REGISTRY
        if (listed_) leave_list();
#endif
    }

    // What the scheduler has to run; only its own thread uses it.
    detail::ready_queue& ready() noexcept { return ready_; }
    void set_turn_time(clock::time_point time) noexcept { turn_time_ = time; }

private:
    friend class task_context;
    friend class detail::task_registry;

    void leave_list() noexcept;

    detail::ready_queue ready_;
    clock::time_point turn_time_{};
    std::atomic<bool> torn_down_{false};
    bool queue_every_step_ = false;
    // Threads between waker_begins and waker_done. Far from what its own thread uses all the time.
    class alignas(64) waker_count {
    public:
        detail::atomic<unsigned> count{0};
    };
    waker_count wakers_;
#ifndef TANDEM_NO_TASK_REGISTRY
    task_context* tasks_ = nullptr; // those that have begun and not ended here
    std::uint64_t next_id_ = 0;     // numbers are taken in blocks from a counter of the process
    std::uint64_t last_id_ = 0;
    detail::listed_scheduler* listed_ = nullptr; // its entry in the process's list
#endif
};

} // namespace tandem
