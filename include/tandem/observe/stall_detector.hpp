// Reports what holds a loop too long: a computation that belongs into `offload`, a blocking call, a lock.
//
//     tandem::runtime rt;
//     tandem::stall_detector watch(rt);                     // prints to stderr; goes before the runtime
//
//     tandem::run(tandem::runtime_options().stall_threshold(100ms), main_task);    // the same for a program
//
//     tandem: loop 0 has been held for 104 ms by #12 parse
//         in parse_all(std::string) at index.cpp:40
//         in main_task() at main.cpp:12
//       native stack:
//         hash_slowly(std::string const&) (program+0x3f10)
//         ...
//     tandem: loop 0 was held for 1.31 s by #12 parse
//
// A thread of its own looks at a counter that each loop keeps anyway: the loops pay nothing for being
// watched. It looks four times in each threshold while there is work, and ten times a second while all loops
// wait. So what holds a loop is reported, once and once more when it ends, at the latest a tenth of a second
// and one and a quarter thresholds after it began; what is a little longer than the threshold may slip
// through. Time in which the process was stopped (a debugger, SIGSTOP) does not count.
//
// The stacks are taken by interrupting the loop's thread with SIGURG, which otherwise does nothing: a system
// call in which it blocks may return early with EINTR, as with any signal. Not seen is a handler of Asio's,
// given to Asio by hand, that is the first to run after a wait. Function names of the native stack are
// those that the dynamic linker knows: link with -rdynamic to see all.
#pragma once

#include <tandem/core/time_span.hpp>
#include <tandem/observe/tasks.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem {

class runtime;

class stall_report {
public:
    stall_report() {}
    bool ended = false;               // false: it still holds the loop
    std::size_t loop = 0;             // its number in the runtime
    std::chrono::nanoseconds held{0}; // so far, or in all; at least: it is looked at now and then only
    bool in_task = false;             // false: a handler outside of tasks, or nothing could be found out
    std::uint64_t task_id = 0;        // as in list_tasks; 0: it has not waited yet
    std::string task_name;            // 63 characters at most
    std::vector<task_frame> stack;    // the task's coroutines, innermost first, 32 at most
    std::vector<std::string> native;  // the thread's stack, innermost first; empty when `ended`

    std::string text() const; // lines for people
};

class stall_options {
public:
    stall_options() {}

    // What is too long; at least 1 ms. Default 100 ms.
    stall_options& threshold(time_span limit) noexcept {
        threshold_ =
            std::max(std::chrono::milliseconds(1),
                     std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(limit)));
        return *this;
    }
    // Called on the detector's thread; must not throw. Default: print the report's text to stderr.
    stall_options& on_stall(std::function<void(const stall_report&)> handler) {
        on_stall_ = std::move(handler);
        return *this;
    }
    // Whether the thread is interrupted to find out what it does. Default true.
    stall_options& stacks(bool wanted) noexcept {
        stacks_ = wanted;
        return *this;
    }

    std::chrono::milliseconds threshold() const noexcept { return threshold_; }
    const std::function<void(const stall_report&)>& on_stall() const noexcept { return on_stall_; }
    bool stacks() const noexcept { return stacks_; }

private:
    std::chrono::milliseconds threshold_{100};
    std::function<void(const stall_report&)> on_stall_;
    bool stacks_ = true;
};

// Watches the loops of one runtime from its making to its end, which must come before the runtime's.
class stall_detector {
public:
    explicit stall_detector(runtime& watched, stall_options options = stall_options());
    ~stall_detector(); // waits for a report that is just being handled
    stall_detector(const stall_detector&) = delete;
    stall_detector& operator=(const stall_detector&) = delete;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem
