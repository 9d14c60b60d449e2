// What a thread_pool is made of: its workers and what they share. Internal.
#pragma once

#include "tandem/parallelism/detail/completion_flag.hpp"
#include "tandem/parallelism/detail/fork_stack.hpp"
#include "tandem/parallelism/thread_pool.hpp"

#include "lib/parallelism/job_queue.hpp"
#include "lib/parallelism/parking.hpp"
#include "lib/parallelism/work_deque.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace tandem {
class pool_context;
}

namespace tandem::detail {

// The worker that the calling thread is, if it is one.
inline constinit thread_local pool_worker* current_worker = nullptr;

inline std::int64_t now_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// For counts that one thread writes and others read now and then.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

// One thread of the pool. "Owner" in the comments below is that thread.
class alignas(64) pool_worker : public fork_stack {
public:
    pool_worker(pool_state& pool, std::size_t index);

    pool_state& pool() const noexcept { return pool_; }
    void start();
    void join() {
        if (thread_.joinable()) thread_.join();
    }

    void submit(pool_job& job, pool_priority priority) noexcept; // owner
    bool has_work() const noexcept { return !deque_.empty() || !batch_.empty(); }
    pool_job* steal() noexcept { // other workers
        if (pool_job* const job = deque_.steal()) {
            set_hungry();
            return job;
        }
        return batch_.steal();
    }
    job_batch& batch() noexcept { return batch_; }
    // Its thread has ended and left work behind.
    bool left_work() const noexcept { return gone_.load() && has_work(); }

    void add_to(thread_pool::statistics& total) const noexcept;
    void offer_forks() noexcept;                          // owner
    bool join_fork(fork_job& job) noexcept;               // owner; false: taken back, the caller runs it
    void work_until_done(completion_flag& flag) noexcept; // owner
    void wake_from_join() noexcept;                       // who has completed a fork that the owner awaits

    std::uint64_t submitted(std::uint8_t epoch) const noexcept { return submitted_[epoch].load(); }
    std::uint64_t finished(std::uint8_t epoch) const noexcept { return finished_[epoch].load(); }

private:
    void run() noexcept;
    bool enqueue(pool_job& job, pool_priority priority) noexcept;
    int adopt_options() noexcept;
    void run_job(pool_job& job) noexcept;
    pool_job* next() noexcept;
    pool_job* next_injected() noexcept;
    pool_job* oldest() noexcept;
    pool_job* steal_from_others() noexcept;
    pool_job* wait_for_job() noexcept;
    pool_job* search(const join_point* awaited = nullptr) noexcept; // null too once `awaited` is done
    bool offer_oldest() noexcept;
    void help(pool_job& job) noexcept;
    void wait_for(join_point& end) noexcept;
    void work_until_done(join_point& end) noexcept;
    void drop_until_done(join_point& end) noexcept;
    void sleep_until_done(join_point& end) noexcept;
    void leave_search() noexcept;
    void begin_busy() noexcept { busy_since_.store(now_ns(), std::memory_order_release); }
    void end_busy() noexcept;

    static constexpr int unknown = -1;

    pool_state& pool_;
    const std::size_t index_;
    work_deque<pool_job> deque_;
    job_batch batch_;

    // Owner only.
    alignas(64) std::uint64_t random_;
    std::int64_t search_ns_;
    std::uintptr_t stack_base_ = 0; // where the thread's loop has its frame
    std::int64_t next_take_ns_ = 0; // no take from the injection queue before; 0: at any time
    std::uint32_t tick_ = 0;
    std::uint8_t epoch_ = 0;   // of the job that runs; what it submits inherits it
    bool owes_notice_ = false; // finished a job that a drain waits for, and has not told it yet

    // Written by the owner, read by others.
    std::array<std::atomic<std::uint64_t>, 2> submitted_{};
    std::array<std::atomic<std::uint64_t>, 2> finished_{};
    std::atomic<std::uint64_t> steals_{0};
    std::atomic<std::uint64_t> parks_{0};
    std::atomic<std::uint64_t> busy_ns_{0};
    std::atomic<std::int64_t> busy_since_{0}; // 0: not busy

    parking::spot spot_;
    std::atomic<int> start_error_{unknown}; // errno, or 0
    std::atomic<bool> gone_{false};
    std::thread thread_;
};

class pool_state {
public:
    pool_state(thread_pool& owner, const thread_pool_options& options);
    ~pool_state() {
        stop();
        while (foreign_wakers.load(std::memory_order_acquire) != 0)
            std::this_thread::yield();
    }

    bool accept(pool_job& job, pool_priority priority) noexcept;
    bool remove(pool_job& job) noexcept;
    using deadline = std::optional<std::chrono::steady_clock::time_point>;
    bool stop(deadline until = {});  // false: the time is up
    bool drain(deadline until = {}); // false: the time is up
    void worker_began() noexcept;
    void worker_ended() noexcept;
    thread_pool::statistics stats() const noexcept;

    static pool_state& of(thread_pool& pool) noexcept { return *pool.state_; }
    pool_context& asio_context(); // lib/parallelism/asio_pool.cpp

    static void drop(pool_job& job) noexcept { job.action_(job, true); }
    bool has_work() const noexcept;
    bool on_worker() const noexcept { return current_worker != nullptr && &current_worker->pool() == this; }
    bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }

    // A drain waits for this epoch, or 2 when none does.
    std::uint8_t drained_epoch() const noexcept { return drained_.load(std::memory_order_seq_cst); }
    void notify_drain() noexcept;

    thread_pool& owner;
    const thread_pool_options options;
    job_queue injected;
    job_queue background;
    parking sleepers;
    std::vector<std::unique_ptr<pool_worker>> workers;
    std::stop_source stop_requests;     // for calls that take a token
    atomic<unsigned> foreign_wakers{0}; // threads that tell a worker of the end of what it waits for

private:
    static constexpr std::uint8_t no_epoch = 2;

    template <class Predicate>
    bool wait_progress(std::unique_lock<std::mutex>& lock, deadline until, Predicate reached);
    template <class Predicate>
    bool wait_and_drop(std::unique_lock<std::mutex>& lock, deadline until, Predicate reached);
    void close() noexcept;
    void drop_injected() noexcept;
    void drop_left() noexcept;
    bool settled(std::uint8_t epoch) noexcept;
    bool wait_until_settled(std::uint8_t epoch, deadline until);

    std::vector<job_batch*> batches_; // the workers'
    std::atomic<bool> stopping_{false};
    atomic<std::uint8_t> epoch_{0};
    atomic<std::uint8_t> drained_{no_epoch};

    // Of stops and drains, one of each at a time (two drains would need more than two epochs).
    std::mutex progress_mutex_;
    std::condition_variable progress_; // anything of the following, and the counts that a drain looks at
    std::thread::id stopper_;          // an action that it drops may call stop() again
    bool draining_ = false;
    bool all_dropped_ = false; // stopped, and no thread is left
    std::size_t running_ = 0;  // threads

    // The pool_context, whose type is Asio's affair: the last member, so that it is the first to go.
    std::once_flag asio_context_made_;
    std::shared_ptr<void> asio_context_;
};

} // namespace tandem::detail
