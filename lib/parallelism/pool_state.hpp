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
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

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
    void start(const std::string& name);
    void join() {
        if (thread_.joinable()) thread_.join();
    }

    void submit(pool_job& job) noexcept; // owner
    bool has_work() const noexcept { return !deque_.empty(); }
    pool_job* steal() noexcept { // other workers
        pool_job* const job = deque_.steal();
        if (job != nullptr) set_hungry();
        return job;
    }

    void add_to(thread_pool::statistics& total) const noexcept;
    void offer_forks() noexcept;                          // owner
    bool join_fork(fork_job& job) noexcept;               // owner; false: taken back, the caller runs it
    void work_until_done(completion_flag& flag) noexcept; // owner
    void wake_from_join() noexcept;                       // who has completed a fork that the owner awaits

    std::uint64_t submitted(std::uint8_t epoch) const noexcept { return submitted_[epoch].load(); }
    std::uint64_t finished(std::uint8_t epoch) const noexcept { return finished_[epoch].load(); }

private:
    void run(const std::string& name) noexcept;
    void run_job(pool_job& job) noexcept;
    pool_job* next() noexcept;
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

    pool_state& pool_;
    const std::size_t index_;
    work_deque<pool_job> deque_;

    // Owner only.
    alignas(64) std::uint64_t random_;
    std::int64_t search_ns_;
    std::uintptr_t stack_base_ = 0; // where the thread's loop has its frame
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
    std::thread thread_;
};

class pool_state {
public:
    pool_state(thread_pool& owner, const thread_pool_options& options);
    ~pool_state() { stop(); }

    bool accept(pool_job& job) noexcept;
    bool remove(pool_job& job) noexcept;
    void stop();
    void drain();
    thread_pool::statistics stats() const noexcept;

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
    parking sleepers;
    std::vector<std::unique_ptr<pool_worker>> workers;
    std::stop_source stop_requests; // for calls that take a token

private:
    static constexpr std::uint8_t no_epoch = 2;

    void drop_queued() noexcept;
    bool settled(std::uint8_t epoch) noexcept;
    void wait_until_settled(std::uint8_t epoch);

    std::atomic<bool> stopping_{false};
    std::recursive_mutex stop_mutex_; // recursive: an action that is told dropped may call stop() again
    bool stopped_ = false;

    // Two drains at a time would need more than two epochs.
    std::mutex one_drain_;
    std::mutex drain_mutex_;
    std::condition_variable drain_progress_;
    bool all_dropped_ = false; // under drain_mutex_
    atomic<std::uint8_t> epoch_{0};
    atomic<std::uint8_t> drained_{no_epoch};
};

} // namespace tandem::detail
