// A timeline of what loops and pools do, for ui.perfetto.dev or chrome://tracing.
//
//     {
//         tandem::trace_to trace("run.json");
//         rt.run(main_task);
//     }                                        // open run.json
//
// A lane for each thread: the loops with every stretch that a task runs (by the task's name) and every wait
// of the loop itself, the pools' workers with the jobs that they run. Above them, a lane for each task that
// waited, with what it waited for ("channel.receive"), from when to when.
//
// Each thread notes what happens in a buffer of its own, without locks; another thread writes the buffers
// to the file every 100 ms. What finds its buffer full is dropped, and counted. The file is valid JSON at
// every moment: also when the process crashes, or leaves by an exception, all but the last 100 ms can be
// opened.
//
// Cost: while no trace is on, one load for each resumption of a task and each job. While one is on, two
// readings of the clock and 64 bytes for each. A wait is noted when it ends; it begins with the loop's turn
// in which the task began to wait.
//
// Thread-safe. One at a time in a process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tandem {

class trace_options {
public:
    trace_options() {}

    // What each thread can note between two writings, 64 bytes each. Default 16,384 (1 MiB), at least 64.
    trace_options& events_per_thread(std::size_t count) noexcept {
        events_per_thread_ = count < 64 ? 64 : count;
        return *this;
    }

    std::size_t events_per_thread() const noexcept { return events_per_thread_; }

private:
    std::size_t events_per_thread_ = 16'384;
};

// Traces while it lives, or until `stop`.
class trace_to {
public:
    // Creates the file, or empties it. Throws std::system_error when that fails, std::logic_error when a
    // trace is on.
    explicit trace_to(const std::string& path, trace_options options = trace_options());
    ~trace_to();
    trace_to(const trace_to&) = delete;
    trace_to& operator=(const trace_to&) = delete;

    // Writes what is left and closes the file. Idempotent; not on several threads at a time.
    void stop();

    // So far, or in all. Not written: a buffer was full, or the file could not be written.
    std::uint64_t events() const noexcept;
    std::uint64_t dropped() const noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem
