// The injection queue: first in, first out, an intrusive doubly linked list under a mutex. The links make
// removal exact: a removed job is in no queue any more, so its memory may go at once. No operation allocates.
#pragma once

#include "tandem/parallelism/thread_pool.hpp"

#include "lib/parallelism/spin.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace tandem::detail {

class job_queue {
public:
    // False when the queue is closed. The epoch is read under the lock and stays with the job.
    bool push(pool_job& job, const atomic<std::uint8_t>& epoch) noexcept {
        const auto lock = lock_briefly(mutex_);
        if (closed_) return false;
        job.epoch_ = epoch.load(std::memory_order_relaxed);
        ++submitted_[job.epoch_];
        append(job);
        return true;
    }

    // For a job that was counted elsewhere already (a worker's deque could not grow). Also when closed.
    void push_counted(pool_job& job) noexcept {
        const auto lock = lock_briefly(mutex_);
        append(job);
    }

    pool_job* pop() noexcept {
        if (empty()) return nullptr;
        const auto lock = lock_briefly(mutex_);
        pool_job* job = head_;
        if (job != nullptr) unlink(*job);
        return job;
    }

    bool remove(pool_job& job) noexcept {
        const auto lock = lock_briefly(mutex_);
        if (!job.injected_) return false;
        unlink(job);
        --submitted_[job.epoch_]; // as if it had never been there
        return true;
    }

    void close() noexcept {
        const auto lock = lock_briefly(mutex_);
        closed_ = true;
    }

    // seq_cst on both sides, see parking.hpp.
    bool empty() const noexcept { return size_.load(std::memory_order_seq_cst) == 0; }

    // How many jobs of this epoch came through push and were not removed.
    std::uint64_t submitted(std::uint8_t epoch) noexcept {
        const auto lock = lock_briefly(mutex_);
        return submitted_[epoch];
    }

private:
    void append(pool_job& job) noexcept {
        job.injected_ = true;
        job.next_ = nullptr;
        job.previous_ = tail_;
        (tail_ != nullptr ? tail_->next_ : head_) = &job;
        tail_ = &job;
        size_.store(size_.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
    }

    void unlink(pool_job& job) noexcept {
        (job.previous_ != nullptr ? job.previous_->next_ : head_) = job.next_;
        (job.next_ != nullptr ? job.next_->previous_ : tail_) = job.previous_;
        job.injected_ = false;
        size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    }

    short_lock mutex_;
    pool_job* head_ = nullptr;
    pool_job* tail_ = nullptr;
    bool closed_ = false;
    std::array<std::uint64_t, 2> submitted_{};
    atomic<std::size_t> size_{0}; // written under the mutex, read without
};

} // namespace tandem::detail
