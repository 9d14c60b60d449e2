#include "examples/concurrency_vs_parallelism/work.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <thread>

namespace four_ways {

namespace {

double thread_cpu_ms() noexcept {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// FNV-1a (draft-eastlake-fnv), over and over: each step needs the one before, so that no compiler shortens
// it.
std::uint64_t hash(std::size_t page, std::uint64_t rounds) noexcept {
    std::array<unsigned char, 4096> text;
    for (std::size_t i = 0; i < text.size(); ++i)
        text[i] = static_cast<unsigned char>((i * 31 + page * 7) % 251);
    std::uint64_t sum = 0xcbf29ce484222325;
    for (std::uint64_t round = 0; round < rounds; ++round)
        for (const unsigned char c : text)
            sum = (sum ^ c) * 0x100000001b3;
    return sum;
}

} // namespace

std::size_t cores() noexcept {
    return std::max(1u, std::thread::hardware_concurrency());
}

double process_cpu_seconds() noexcept {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

page_work::page_work(double ms) {
    // The fastest of some samples of about 2 ms: all that disturbs makes them longer. The sum goes to where
    // the compiler has to keep it.
    volatile std::uint64_t sink = 0;
    std::uint64_t sample = 1;
    double best = 0;
    for (int taken = 0; taken < 15;) {
        const double begin = thread_cpu_ms();
        sink = hash(sample, sample);
        const double spent = thread_cpu_ms() - begin;
        if (spent < 1) { // still growing
            sample *= 2;
            continue;
        }
        const double each = spent / static_cast<double>(sample);
        best = taken++ == 0 ? each : std::min(best, each);
    }
    static_cast<void>(sink);
    rounds_ = static_cast<std::uint64_t>(std::llround(ms / best));
}

std::uint64_t page_work::operator()(std::size_t page) const noexcept {
    return hash(page, rounds_);
}

} // namespace four_ways
