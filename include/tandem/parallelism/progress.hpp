// How far long work has come, for a bar, a log line, a page.
//
//     progress bar;
//     bar.on_change([](const progress::snapshot& now) { std::fprintf(stderr, "\r%s", now.bar().c_str()); });
//     parallel_for(pool, 0, height, render, parallel_options().progress(bar));
//
// It counts units of work, elements in the parallel algorithms. It can be asked at any time, and it can tell:
// not at each change, but at most once in an interval, and at the end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace tandem {

// Everything but on_change is thread-safe. Must outlive the work that reports to it.
class progress {
public:
    using clock = std::chrono::steady_clock;

    // What was known at one moment.
    class snapshot {
    public:
        snapshot(std::uint64_t done, std::uint64_t total, clock::duration elapsed) noexcept
            : done_(done), total_(total), elapsed_(elapsed) {}

        std::uint64_t done() const noexcept { return done_; }
        std::uint64_t total() const noexcept { return total_; }       // 0: not known
        clock::duration elapsed() const noexcept { return elapsed_; } // since the progress was made
        double fraction() const noexcept;                             // from 0 to 1; 0 while unknown
        std::optional<clock::duration> remaining() const noexcept;    // at the pace so far; empty: unknown

        // "[#####.....]  50 %, 12 s left", with `width` places between the brackets; "1234, 12 s" when the
        // total is not known.
        std::string bar(unsigned width = 30) const;

    private:
        std::uint64_t done_;
        std::uint64_t total_;
        clock::duration elapsed_;
    };
    using callback = std::function<void(const snapshot&)>;

    progress() = default;
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    // Calls `tell` from then on, in the thread that has just done some work (so it must not take long), one
    // call at a time, with counts that grow: at most once in an interval, and when all that is expected is
    // done. What it throws comes out of `add`, and ends a parallel algorithm as if its body had thrown. Only
    // before the work begins.
    void on_change(callback tell, clock::duration interval = std::chrono::milliseconds(100));

    // The total number of units. Without, it is what was expected: each algorithm expects as many as it has
    // elements when it begins.
    void set_total(std::uint64_t units) noexcept;
    void expect(std::uint64_t more) noexcept;

    // So many units were done.
    void add(std::uint64_t units = 1);

    snapshot now() const noexcept;

private:
    std::uint64_t total() const noexcept;
    void tell(bool last);

    const clock::time_point begun_ = clock::now();
    std::atomic<std::uint64_t> done_{0};
    std::atomic<std::uint64_t> expected_{0};
    std::atomic<std::uint64_t> fixed_total_{0};
    callback tell_;
    clock::duration interval_{0};
    std::atomic<clock::rep> next_{0}; // when the interval is over
    std::mutex telling_;
    std::uint64_t told_ = 0; // under telling_
};

} // namespace tandem
