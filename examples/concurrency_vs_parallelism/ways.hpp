// The job and the four ways to do it, each timed.
#pragma once

#include "examples/concurrency_vs_parallelism/work.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace four_ways {

struct job {
    std::size_t pages;
    std::chrono::duration<double> latency;
    std::chrono::duration<double> compute;
    page_work work;
};

// What happened to a page, in seconds since its way began.
struct page_times {
    double asked = 0;
    double answered = 0; // the answer is there, whether or not somebody has time for it
    double begun = 0;    // computing
    double done = 0;
    std::thread::id thread; // that computed it
    std::uint64_t checksum = 0;
};

struct way {
    std::string name;
    std::vector<page_times> pages;
    std::size_t threads = 0;
    bool has_loop = false;    // beside the threads that computed, or as the only one
    double wall = 0;          // seconds
    double cpu = 0;           // seconds, of all threads
    double expected = 0;      // seconds, by the formula
    std::vector<double> late; // of the loop's timers, seconds; empty: there is no loop

    double computing() const noexcept; // seconds, summed over the pages
    std::optional<double> stall_p99() const;
    // The threads that computed, in the order in which they began.
    std::vector<std::thread::id> workers() const;
};

way one_after_the_other(const job& j);
way concurrent_inline(const job& j);
way blocking_threads(const job& j, std::size_t threads);
way in_tandem(const job& j, std::size_t threads);

} // namespace four_ways
