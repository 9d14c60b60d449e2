// How a test is run: its clock, its order, its limits.
#pragma once

#include <tandem/core/time_span.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tandem::test {

class options {
public:
    options() noexcept {}

    // Runs the tasks that are ready in an order drawn from this seed; the same seed draws the same order.
    // With one loop, and without I/O and pool, that replays a run exactly. With several loops each draws its
    // own order, but how their threads interleave is up to the machine. Default: first in, first out.
    options& seed(std::uint64_t value) noexcept {
        seed_ = value;
        return *this;
    }
    // Loops (threads that wait). Default 1.
    options& loops(std::size_t n) noexcept {
        loops_ = n ? n : 1;
        return *this;
    }
    // Threads of the pool that `offload` uses. Default 1.
    options& workers(std::size_t n) noexcept {
        workers_ = n ? n : 1;
        return *this;
    }
    // Timers wait for the real clock. Seeds and the detection of deadlocks stay.
    options& real_time() noexcept {
        real_time_ = true;
        return *this;
    }
    // How long I/O that is under way may take, in real time, before the virtual clock moves on to the next
    // timer. Default 1 ms: enough for what both ends of a connection in one process do. More for peers in
    // other processes.
    options& io_grace(time_span real) noexcept {
        io_grace_ = real;
        return *this;
    }
    // A test in which for so long, in real time, everything waits for I/O or the pool has failed. Default
    // 60 s; zero: never.
    options& stall_limit(time_span real) noexcept {
        stall_limit_ = real;
        return *this;
    }
    // How much (virtual) time a test may take: one that is kept alive by nothing but a periodic timer ends
    // here. Default 31 days.
    options& time_limit(time_span limit) noexcept {
        time_limit_ = limit;
        return *this;
    }

    std::optional<std::uint64_t> seed() const noexcept { return seed_; }
    std::size_t loops() const noexcept { return loops_; }
    std::size_t workers() const noexcept { return workers_; }
    bool is_real_time() const noexcept { return real_time_; }
    std::chrono::nanoseconds io_grace() const noexcept { return io_grace_; }
    std::chrono::nanoseconds stall_limit() const noexcept { return stall_limit_; }
    std::chrono::nanoseconds time_limit() const noexcept { return time_limit_; }

private:
    std::optional<std::uint64_t> seed_;
    std::size_t loops_ = 1;
    std::size_t workers_ = 1;
    bool real_time_ = false;
    std::chrono::nanoseconds io_grace_ = std::chrono::milliseconds(1);
    std::chrono::nanoseconds stall_limit_ = std::chrono::seconds(60);
    std::chrono::nanoseconds time_limit_ = std::chrono::hours(31 * 24);
};

} // namespace tandem::test
