// Counts tasks that have run. Every thread has a counter of its own: one for all would cost more than the
// tasks, and hide what is measured.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <thread>

namespace bench {

class tally {
public:
    static void add() noexcept {
        auto& mine = slot().count;
        mine.store(mine.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    // Waits until `more` tasks have run since the construction. Looks now and then: who waits must not take
    // a processor from those who work.
    void wait_for(std::uint64_t more) const {
        while (total() - before_ < more)
            std::this_thread::sleep_for(std::chrono::microseconds(20));
    }

private:
    class alignas(64) counter {
    public:
        std::atomic<std::uint64_t> count;
        std::atomic<bool> taken;
    };

    // A thread's own until its end; what it counted stays.
    class lease {
    public:
        lease() {
            for (counter& c : counters)
                if (!c.taken.exchange(true)) {
                    mine = &c;
                    return;
                }
            std::abort(); // more threads than any case has
        }
        ~lease() { mine->taken.store(false); }
        lease(const lease&) = delete;
        lease& operator=(const lease&) = delete;
        counter* mine = nullptr;
    };

    static counter& slot() {
        thread_local lease own;
        return *own.mine;
    }
    static std::uint64_t total() noexcept {
        std::uint64_t sum = 0;
        for (const counter& c : counters)
            sum += c.count.load(std::memory_order_acquire);
        return sum;
    }

    static inline std::array<counter, 256> counters;
    std::uint64_t before_ = total();
};

} // namespace bench
