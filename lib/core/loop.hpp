// A loop: one thread, one Asio io_context, a ready queue that is drained between polls, and a timer wheel.
//
// One turn: run what is ready (at most `most_ready`), fire due timers, let Asio complete I/O; when nothing is
// ready, block in Asio until I/O, a wake-up or the next timer. Sockets have a set of their own, which Asio
// watches (readiness_set.hpp). The wheel's next expiry is the poll's timeout, so timers cost no timerfd and
// no system call of their own.
//
// How a sleeping loop is woken: see wake_gate.hpp. Waking it is a post to the io_context. Whether it looks
// for what other threads hand it once more before it sleeps: see short_wait.hpp.
#pragma once

#include <tandem/core/detail/loop_control.hpp>
#include <tandem/core/scheduler.hpp>

#include "lib/core/readiness_set.hpp"
#include "lib/core/ready_queue.hpp"
#include "lib/core/short_wait.hpp"
#include "lib/core/timer_wheel.hpp"
#include "lib/core/wake_gate.hpp"
#include "lib/core/wake_memory.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include <pthread.h>

namespace tandem::detail {

class loop final : public scheduler {
public:
    // `control`, which tests use, may be null; otherwise it lives longer than the loop.
    loop(runtime& owner, thread_pool& companion, loop_control* control);
    ~loop();

    // Runs on the calling thread until `stop`. One thread at a time. An exception that leaves a handler of
    // Asio's ends the process, with a message.
    void run() noexcept;

    // Makes `run` return soon. Thread-safe; the next `run` goes on where this one ended.
    void stop() noexcept;

    // Destroys the loop. One that left operations behind stays in memory, but does nothing any more.
    static void retire(std::unique_ptr<loop> l) noexcept;

    // Destroys what Asio still holds, without running it. After it, suspended frames may be destroyed: no
    // operation refers to them any more. No thread may be in `run`.
    void abandon_operations();

    bool is_current() const noexcept override;
    void arm(timer_node& timer, clock::time_point when) noexcept override { timers_.insert(timer, when); }
    void disarm(timer_node& timer) noexcept override { timers_.remove(timer); }
    clock::time_point now() const noexcept override;
    thread_pool* companion() const noexcept override { return &companion_; }
    runtime* owner() const noexcept override { return &owner_; }
    boost::asio::any_io_executor executor() const override;
    void computation_started() noexcept override { ++computations_; }
    void computation_finished() noexcept override { --computations_; }
    void operation_started() noexcept override {
        if (control_) operations_.fetch_add(1, std::memory_order_relaxed);
    }
    // Asio completes the first operation after a wait inside of the wait itself: from here on it is work.
    void operation_finished() noexcept override {
        if (control_) operations_.fetch_sub(1, std::memory_order_relaxed);
        if (is_current() && waiting_) end_wait();
    }
    bool operation_dropped() noexcept override {
        operation_finished();
        return false;
    }
    void operation_left_behind() noexcept override { left_behind_ = true; }

    boost::asio::io_context& io() noexcept { return io_; }

    // Its sockets; it calls `sockets_report` before it queues the tasks that waited for them.
    readiness_set& sockets() noexcept { return sockets_; }
    void sockets_report() noexcept {
        sockets_reported_ = true;
        if (waiting_) end_wait();
    }

    const char* kind() const noexcept override { return "loop"; }
    bool stands_still() const noexcept override { return !running(); }

    // Its number in its runtime, told once by the runtime before anything runs.
    std::size_t index() const noexcept override { return index_; }
    void set_index(std::size_t index) noexcept { index_ = index; }

    // Nanoseconds spent outside of the blocking wait since construction; readable from any thread.
    std::uint64_t busy_ns() const noexcept { return busy_ns_.load(std::memory_order_relaxed); }

    // Changes with every node and handler that the loop runs, and is odd exactly while it waits: who looks at
    // it twice sees whether one of them took all the time between. Readable from any thread.
    std::uint64_t heartbeat() const noexcept { return heartbeat_.load(std::memory_order_relaxed); }

    // Whether a thread is inside of `run`; see heartbeat.
    bool running() const noexcept { return running_.load(std::memory_order_acquire); }

    // Sends `signal` to that thread, after `thread` has been told which one; it does not leave `run`
    // meanwhile. False when there is none. Thread-safe.
    bool interrupt(int signal, std::atomic<pthread_t>& thread) noexcept;

    loop_control* control() const noexcept { return control_; }

    // For a loop_control, from any thread: makes a loop that waits ask again; whether another thread has
    // queued something here that was not taken yet.
    void poke() noexcept;
    bool has_incoming() const noexcept { return !inbox_.empty(); }

private:
    void schedule_from_outside(ready_node& node) noexcept override;

    // io_context with its protected `shutdown` made callable; see abandon_operations.
    class context : public boost::asio::io_context {
    public:
        context() : boost::asio::io_context(1) {}
        void abandon() { shutdown(); }
    };

    void leave_everything() noexcept;
    void run_turns();
    bool run_ready() noexcept;
    bool run_ready_in_chosen_order() noexcept;
    std::chrono::nanoseconds ask_control();
    bool news_soon();
    void wait_for_work();
    bool poll_one(); // false: Asio has nothing to complete
    void poll_io();
    // What wakes the loop: a handler that does nothing.
    class wake_up {
    public:
        using allocator_type = wake_allocator<void>;
        explicit wake_up(loop& l) noexcept : loop_(&l) {}
        allocator_type get_allocator() const noexcept { return allocator_type(loop_->wake_memory_); }
        void operator()() const noexcept { --loop_->handlers_; }

    private:
        loop* loop_;
    };

    // May throw when a second one is on its way and memory is exhausted: then there is no way on (terminate
    // by noexcept).
    void post_wake_up() noexcept;
    void begin_wait() noexcept;
    void end_wait() noexcept;
    void beat(std::uint64_t by) noexcept {
        heartbeat_.store(heartbeat_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    static constexpr int most_ready = 256;
    static constexpr int most_io = 64;

    wake_memory wake_memory_; // these two outlive the handlers in `io_`
    operation_memory sockets_memory_;
    context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    readiness_set sockets_;
    bool sockets_reported_ = false; // in this turn
    // What other threads write lies apart from what the loop itself writes with each node that it runs.
    alignas(64) inbox inbox_;
    wake_gate gate_;
    alignas(64) timer_wheel timers_;
    runtime& owner_;
    thread_pool& companion_;
    short_wait short_wait_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> busy_ns_{0};
    std::atomic<std::uint64_t> heartbeat_{0};
    std::atomic<std::size_t> operations_{0};
    std::size_t computations_ = 0;
    loop_control* const control_;
    std::atomic<bool> poked_{false};
    long handlers_ = 0;   // of Asio that ran since the control was asked, wake-ups not counted
    bool worked_ = false; // the same for nodes and timers
    std::size_t index_ = 0;
    std::mutex thread_mutex_; // taken at the begin and the end of `run`
    std::atomic<bool> running_{false};
    pthread_t thread_{};   // valid while running_; both guarded for writing
    bool waiting_ = false; // blocked in Asio, or in the handler that ended it and did not tell
    clock::time_point awake_since_;
    bool left_behind_ = false; // operations, by frames that were destroyed
    loop* next_ = nullptr;     // of those that stay in memory
};

} // namespace tandem::detail
