// Where workers without work sleep, and who wakes them.
//
// A worker is busy, searching, or asleep; one atomic word counts the latter two. New work wakes a sleeper
// only when nobody is searching: a searcher will find it. The last searcher to find work wakes a successor
// when more work is visible, so a burst wakes workers one after the other and never all at once.
//
// Why no wake-up is lost: who adds work writes the queue and then reads the word; who goes to sleep writes
// the word and then reads the queues; the same holds for the last searcher that stops searching. All seq_cst,
// so in their total order one of the two comes second and sees the other.
#pragma once

#include "lib/core/blocking_policy.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace tandem::detail {

class parking {
public:
    // Where one worker sleeps.
    class spot {
        friend class parking;
        short_condition wake_;
        bool asleep_ = false; // under parking's mutex
    };

    parking(std::size_t workers, std::size_t max_searchers) : max_searchers_(max_searchers) {
        sleepers_.reserve(workers);
    }

    // Called after work was added.
    void work_added() noexcept {
        if (needs_waking(word_.load(std::memory_order_seq_cst))) wake_one();
    }

    // The caller ran dry. False when enough others are searching: park at once.
    bool begin_search() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        do {
            if (searchers(seen) >= max_searchers_) return false;
        } while (!word_.compare_exchange_weak(seen, seen + one_searcher, std::memory_order_seq_cst));
        return true;
    }

    // A searcher found work. True when it was the last: it must look for more work and call work_added if
    // there is.
    bool end_search() noexcept {
        return searchers(word_.fetch_sub(one_searcher, std::memory_order_seq_cst)) == 1;
    }

    // Sleeps until woken, unless has_work() or closed. The caller counts as searching afterwards.
    template <class HasWork>
    void park(spot& here, bool searching, HasWork has_work) {
        std::unique_lock lock(mutex_);
        if (closed_) return;
        here.asleep_ = true;
        sleepers_.push_back(&here);
        word_.fetch_add(one_sleeper - (searching ? one_searcher : 0), std::memory_order_seq_cst);
        lock.unlock();
        const bool stay = !has_work();
        lock.lock();
        if (!stay && here.asleep_) {
            std::erase(sleepers_, &here);
            get_up(here);
        }
        while (here.asleep_)
            here.wake_.wait(lock);
    }

    // Sleeps until wake(here), unless done(). Not for work: nobody counts the caller as asleep.
    template <class Done>
    void sleep(spot& here, Done done) {
        std::unique_lock lock(mutex_);
        while (!done()) {
            here.asleep_ = true;
            while (here.asleep_)
                here.wake_.wait(lock);
        }
    }

    // Wakes a sleeper, however it sleeps. The reason was made visible before to its has_work() or done(): so
    // either it sees it there, or it is found asleep here.
    void wake(spot& sleeper) noexcept {
        const std::scoped_lock lock(mutex_);
        if (!sleeper.asleep_) return;
        if (std::erase(sleepers_, &sleeper) != 0)
            get_up(sleeper);
        else
            sleeper.asleep_ = false;
        sleeper.wake_.notify_one(); // under the lock: afterwards the pool may be gone
    }

    // Wakes everybody, for good.
    void close() noexcept {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        for (spot* sleeper : sleepers_) {
            get_up(*sleeper);
            sleeper->wake_.notify_one();
        }
        sleepers_.clear();
    }

private:
    static constexpr std::uint64_t one_searcher = 1;
    static constexpr std::uint64_t one_sleeper = std::uint64_t{1} << 32;

    static std::uint64_t searchers(std::uint64_t word) noexcept { return word % one_sleeper; }
    static bool needs_waking(std::uint64_t word) noexcept {
        return searchers(word) == 0 && word >= one_sleeper;
    }

    void wake_one() noexcept {
        std::unique_lock lock(mutex_);
        // Meanwhile another thread may have woken one, which then searches.
        if (sleepers_.empty() || !needs_waking(word_.load(std::memory_order_seq_cst))) return;
        spot* sleeper = sleepers_.back(); // the one with the warmest cache
        sleepers_.pop_back();
        get_up(*sleeper);
        lock.unlock();
        sleeper->wake_.notify_one();
    }

    // The sleeper counts as searching from now on, not from when it runs: the next submit need not wake
    // another.
    void get_up(spot& sleeper) noexcept {
        sleeper.asleep_ = false;
        word_.fetch_sub(one_sleeper - one_searcher, std::memory_order_seq_cst);
    }

    const std::size_t max_searchers_;
    alignas(64) atomic<std::uint64_t> word_{0}; // sleepers in the upper half, searchers in the lower
    alignas(64) short_lock mutex_;
    std::vector<spot*> sleepers_;
    bool closed_ = false;
};

} // namespace tandem::detail
