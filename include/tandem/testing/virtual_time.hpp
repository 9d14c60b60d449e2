// virtual_time: a clock that moves only when nothing else can happen.
//
// `test::run` has one. For a runtime of your own:
//
//     test::virtual_time time;
//     runtime rt(time.control(runtime_options().loops(2)));
//     rt.run(main_task);                                  // sleeps an hour in a millisecond
//     CHECK(time.elapsed() == 1h);
//
// The clock stands while any loop has something ready, while a task waits for a computation on a pool, and
// while I/O has completed and was not handled. When nothing is left it moves to the next timer of all loops,
// and not further. Where I/O is under way it waits a moment for that first (`options::io_grace`). Without a
// timer it waits for the I/O for real. And with nothing at all under way nothing can ever happen again: a
// deadlock. `test::run` then throws; a runtime of your own prints the tasks and terminates the process.
//
// It begins at the real time and knows nothing of plain threads: while one works for which tasks wait, hold
// the clock with a `clock_hold`. Name look-ups wait for real, too.
#pragma once

#include <tandem/core/runtime.hpp>
#include <tandem/core/scheduler.hpp>
#include <tandem/testing/options.hpp>

#include <chrono>
#include <memory>

namespace tandem::test {

namespace detail {
class control;
}

class virtual_time {
public:
    // Loops and workers of the options do not matter here.
    explicit virtual_time(const options& how = options());
    ~virtual_time();
    virtual_time(const virtual_time&) = delete;
    virtual_time& operator=(const virtual_time&) = delete;

    // The same options, with the loops under this clock. For one runtime at a time.
    runtime_options control(runtime_options of) const;

    // Thread-safe.
    scheduler::clock::time_point now() const noexcept;
    scheduler::clock::duration elapsed() const noexcept; // since it was made

private:
    std::shared_ptr<detail::control> control_;
};

// While one exists the clock stands, and no deadlock is reported: for a plain thread that will wake a task.
//
//     test::clock_hold held;
//     std::jthread reader([held = std::move(held)] { ... done.set(); });
class clock_hold {
public:
    // In a task of a test.
    clock_hold();
    clock_hold(clock_hold&& other) noexcept;
    clock_hold& operator=(clock_hold&&) = delete;
    ~clock_hold(); // on any thread

private:
    std::shared_ptr<detail::control> control_;
};

// How long the test has been running, by its own clock. In a task of a test.
scheduler::clock::duration elapsed();

} // namespace tandem::test
