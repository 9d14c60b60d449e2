// rate_limiter: so many per second, and not more. A token bucket.
//
//     rate_limiter limit(10, 1s, 3);               // 10 a second; up to 3 at once after a pause
//     co_await limit.acquire();                    // waits until one more may be done
//     if (limit.try_acquire()) ...                 // only if that is now
//
// The bucket holds `burst` tokens and is full at first; one is added every period / tokens. FIFO: nobody is
// overtaken, also not by try_acquire, and a large request is not starved by small ones. Thread-safe across
// loops. Exact: time is counted in integers of 1/tokens nanoseconds, so nothing is rounded, and while tasks
// wait their turns lie exactly period / tokens apart, however late a timer fires (1 ms resolution, never
// early). A loop that was blocked therefore catches up: those whose turns have passed go on together.
// A waiter's time is that of its own loop (`scheduler::now`); all loops must have the same clock.
//
// Cancellation of `acquire`: throws operation_cancelled and takes nothing: those behind it move up.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/time_span.hpp>
#include <tandem/sync/semaphore.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tandem {

class rate_limiter {
public:
    using clock = scheduler::clock;

    // `tokens` for each `period`, at most `burst` at once; each of them at least 1. Throws
    // std::invalid_argument for others, and when burst * period is beyond 2^62 ns.
    rate_limiter(std::uint64_t tokens, time_span period, std::uint64_t burst = 1);
    rate_limiter(const rate_limiter&) = delete;
    rate_limiter& operator=(const rate_limiter&) = delete;

    // Waits for `n` tokens and takes them. Throws std::invalid_argument, at the call, when n > burst: it
    // would never be satisfied. No allocation but a recycled frame.
    [[nodiscard]] task<> acquire(std::uint64_t n = 1);

    // Takes `n` tokens if they are there and nobody waits. From any thread; outside of tasks the time is the
    // steady clock's. Throws as acquire.
    bool try_acquire(std::uint64_t n = 1);

    // Whole tokens in the bucket now.
    std::uint64_t available() const;

    // Nobody waits and the bucket is full: a new limiter of the same rate would do the same.
    bool idle() const;

    std::uint64_t burst() const noexcept { return burst_; }

private:
    class place_in_line;

    void check(std::uint64_t n) const;
    static clock::time_point current_time();
    task<> wait_and_take(std::uint64_t n);
    // mutex_ held:
    std::uint64_t level_at(clock::time_point now) const noexcept;
    void fill_until(clock::time_point now) noexcept;
    bool take(std::uint64_t n, clock::time_point now) noexcept;
    clock::time_point ready_at(std::uint64_t n) const noexcept;
    void take_at(std::uint64_t n, clock::time_point when) noexcept;

    // A nanosecond adds `tokens_` units to the bucket; a token is `cost_` units (the period in nanoseconds).
    const std::uint64_t tokens_;
    const std::uint64_t cost_;
    const std::uint64_t burst_;

    mutable detail::short_lock mutex_;
    std::uint64_t level_;                                // units, as of `as_of_`
    clock::time_point as_of_ = clock::time_point::min(); // nothing was taken yet
    std::size_t in_line_ = 0;
    semaphore turn_{1}; // whoever has it is the first in line
};

} // namespace tandem
