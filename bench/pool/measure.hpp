// Clocks, and what to make of many values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <utility>
#include <vector>

namespace bench {

inline double now_ns(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

class stopwatch {
public:
    double wall_ns() const { return now_ns(CLOCK_MONOTONIC) - wall_; }
    double cpu_ns() const { return now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_; } // of all threads

private:
    double cpu_ = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    double wall_ = now_ns(CLOCK_MONOTONIC);
};

// The value that this share of all values does not exceed.
inline double quantile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
    return values[at];
}

// Calls f once for warmth, then `runs` times, and gives each one's milliseconds to `take`: wall, CPU of all
// threads.
template <class F, class Take>
void time_each(int runs, F f, Take take) {
    f();
    for (int i = 0; i < runs; ++i) {
        const stopwatch watch;
        f();
        const double cpu = watch.cpu_ns();
        take(watch.wall_ns() / 1e6, cpu / 1e6);
    }
}

} // namespace bench
