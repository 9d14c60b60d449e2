// The injection queue: first in, first out, a ring of pointers under a mutex. Workers take from it a batch at
// a time, into a place of their own (job_batch), where thieves find them. So the lock is seldom taken by
// consumers, and the jobs' own memory, which another processor has just written, is fetched for many at once.
//
// A job can be removed from either. It is known by its place in the ring's endless numbering: a batch keeps
// the numbers of what it holds. A removed job is referred to by nothing any more, so its memory may go at
// once.
#pragma once

#include "tandem/parallelism/pool_job.hpp"

#include "lib/parallelism/spin.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tandem::detail {

// What one worker has taken. "Owner" is that worker; the others steal. Whoever exchanges a slot's pointer
// with null has the job.
class job_batch {
public:
#ifdef TANDEM_SYNC_POLICY
    static constexpr std::size_t capacity = 4; // few atomics, so that their orders can be explored
#else
    static constexpr std::size_t capacity = 32;
#endif

    // Owner.
    pool_job* take() noexcept {
        while (next_ < end_) {
            pool_job* const job = slots_[next_++].exchange(nullptr, std::memory_order_acq_rel);
            if (next_ == end_) filled_.store(0, std::memory_order_relaxed);
            if (job != nullptr) return job;
        }
        return nullptr;
    }

    // Owner: whether the last take gave several jobs, but fewer than fit.
    bool was_short() const noexcept { return end_ != 0 && end_ != capacity; }

    // Any thread; the newest.
    pool_job* steal() noexcept {
        for (std::size_t i = filled_.load(std::memory_order_seq_cst); i-- > 0;) {
            if (slots_[i].load(std::memory_order_relaxed) == nullptr) continue;
            if (pool_job* const job = slots_[i].exchange(nullptr, std::memory_order_acq_rel)) return job;
        }
        return nullptr;
    }

    // Any thread. What is in a queue is never seen in neither: see job_queue::take.
    bool empty() const noexcept {
        for (std::size_t i = filled_.load(std::memory_order_seq_cst); i-- > 0;)
            if (slots_[i].load(std::memory_order_relaxed) != nullptr) return false;
        return true;
    }

private:
    friend class job_queue;

    std::array<atomic<pool_job*>, capacity> slots_{};
    atomic<std::size_t> filled_{0}; // slots that may hold something
    std::size_t next_ = 0;          // owner
    std::size_t end_ = 0;           // owner
    std::uint64_t first_ = 0;       // the number of what slot 0 held; under the queue's mutex
};

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

    // The same for a job of a worker, which has its epoch and was counted elsewhere already.
    bool push_counted(pool_job& job) noexcept {
        const auto lock = lock_briefly(mutex_);
        if (closed_) return false;
        append(job);
        return true;
    }

    pool_job* pop() noexcept {
        if (empty()) return nullptr;
        const auto lock = lock_briefly(mutex_);
        skip_removed();
        if (head_ == tail_) return nullptr;
        pool_job* const job = std::exchange(at(head_++), nullptr);
        size_.store(size() - 1, std::memory_order_relaxed);
        return job;
    }

    // How many there are: exact for who holds the lock.
    std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

    // A worker's share of the jobs, the first of them, and the rest of them for `batch`, which is empty.
    pool_job* take(job_batch& batch, std::size_t workers) noexcept {
        if (empty()) return nullptr;
        auto lock = lock_briefly(mutex_);
        skip_removed();
        if (head_ == tail_) return nullptr;
        pool_job* const first = std::exchange(at(head_++), nullptr);
        const std::size_t share = static_cast<std::size_t>(tail_ - head_) / workers;
        const std::size_t count = std::min(share, job_batch::capacity);
        batch.first_ = head_;
        std::size_t taken = 1;
        for (std::size_t i = 0; i < count; ++i) {
            pool_job* const job = std::exchange(at(head_++), nullptr);
            batch.slots_[i].store(job, std::memory_order_release); // to thieves
            if (job == nullptr) continue;                          // removed
            ++taken;
            __builtin_prefetch(job, 1);
        }
        batch.next_ = 0;
        batch.end_ = count;
        // In this order, both seq_cst: who does not see them here any more sees them there.
        if (count != 0) batch.filled_.store(count, std::memory_order_seq_cst);
        size_.store(size() - taken, std::memory_order_seq_cst);
        return first;
    }

    // `batches`: of all who take from this queue.
    bool remove(pool_job& job, const std::vector<job_batch*>& batches) noexcept {
        const auto lock = lock_briefly(mutex_);
        if (!remove_from_ring(job) && !remove_from_batch(job, batches)) return false;
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
    static constexpr std::size_t least_capacity = 256;

    pool_job*& at(std::uint64_t number) noexcept { return ring_[number & (ring_.size() - 1)]; }

    void append(pool_job& job) noexcept {
        if (tail_ - head_ == ring_.size()) make_room();
        job.number_ = tail_;
        at(tail_++) = &job;
        size_.store(size() + 1, std::memory_order_seq_cst);
    }

    // For who has the mutex.

    // Closes the gaps that removed jobs have left, if that gives enough: or calls that are given up while all
    // workers are busy would make the ring grow without end.
    void make_room() noexcept {
        skip_removed();
        if (size() > ring_.size() / 2 || ring_.empty()) {
            if (tail_ - head_ == ring_.size()) grow();
            return;
        }
        std::uint64_t to = head_;
        for (std::uint64_t i = head_; i != tail_; ++i) {
            if (pool_job* const job = std::exchange(at(i), nullptr)) {
                job->number_ = to;
                at(to++) = job;
            }
        }
        tail_ = to;
    }

    // Terminates (by noexcept) when there is no memory.
    void grow() noexcept {
        std::vector<pool_job*> larger(std::max(ring_.size() * 2, least_capacity));
        for (std::uint64_t i = head_; i != tail_; ++i)
            larger[i & (larger.size() - 1)] = at(i);
        ring_.swap(larger);
    }

    void skip_removed() noexcept {
        while (head_ != tail_ && at(head_) == nullptr)
            ++head_;
    }

    bool remove_from_ring(pool_job& job) noexcept {
        const std::uint64_t number = job.number_;
        if (number - head_ >= tail_ - head_ || at(number) != &job) return false;
        at(number) = nullptr;
        size_.store(size() - 1, std::memory_order_relaxed);
        return true;
    }

    static bool remove_from_batch(pool_job& job, const std::vector<job_batch*>& batches) noexcept {
        for (job_batch* const batch : batches) {
            const std::uint64_t i = job.number_ - batch->first_;
            if (i >= job_batch::capacity) continue;
            pool_job* expected = &job;
            if (batch->slots_[i].compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel,
                                                         std::memory_order_relaxed))
                return true;
        }
        return false;
    }

    // What submitters and workers both write shares one cache line, which a take moves to the worker and the
    // next push moves back: more lines would be more of these moves. (A mutex of glibc's has 40 bytes.)
    alignas(64) short_lock mutex_;
    std::uint64_t head_ = 0; // the numbers of the jobs in the ring: [head, tail)
    std::uint64_t tail_ = 0;
    atomic<std::size_t> size_{0}; // of what was not removed; written under the mutex, read without

    alignas(64) std::vector<pool_job*> ring_; // a power of two of them; null: removed

    alignas(64) std::array<std::uint64_t, 2> submitted_{}; // a take does not touch these
    bool closed_ = false;
};

} // namespace tandem::detail
