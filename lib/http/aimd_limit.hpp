// How many at a time: additive increase, multiplicative decrease. Without clocks, waiting and locks of its
// own.
#pragma once

#include <tandem/core/scheduler.hpp>
#include <tandem/http/concurrency_limiter.hpp>

#include <chrono>
#include <cstddef>

namespace tandem::http {

class aimd_limit {
public:
    using time_point = scheduler::clock::time_point;
    using duration = std::chrono::nanoseconds;

    explicit aimd_limit(const concurrency_limiter_options& how) noexcept
        : how_(how), limit_(static_cast<double>(how.first_limit())) {}

    /// A request that was begun at `begun` has ended; `in_flight` counts it.
    void answered(time_point begun, time_point now, duration took, std::size_t in_flight) noexcept;
    void overloaded(time_point begun, time_point now) noexcept;

    [[nodiscard]] std::size_t limit() const noexcept { return static_cast<std::size_t>(limit_); }
    [[nodiscard]] duration usual() const noexcept { return usual_; } ///< 0: not known yet

private:
    const concurrency_limiter_options& how_;
    double limit_;
    duration usual_{0};
    time_point decreased_ = time_point::min();
};

} // namespace tandem::http
