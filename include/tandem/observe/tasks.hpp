// Which tasks live, and what each waits for.
//
//     std::cerr << tandem::dump_tasks();
//
//     2 tasks
//     #1 crawl: waits for 2.41 s in task_group.join (loop 0)
//         in crawl(std::string) at crawl.cpp:31
//       #257 fetch: waits for 2.40 s in semaphore.acquire (loop 1)
//           in http::client::connect(url) at client.cpp:112
//           in fetch(url) at crawl.cpp:12
//           spawned in crawl(std::string) at crawl.cpp:29
//
// All of the process are shown: those of every runtime's loops, of block_on, and those spawned on Asio
// executors with `tandem/asio.hpp`. A program that hangs is seen through by
// `runtime_options().dump_tasks_on(SIGUSR1)` and then `kill -USR1`.
//
// Thread-safe, from anywhere: inside and outside of tasks. Each loop tells of its own tasks on its own
// thread, so the calling thread is blocked until all have answered, normally some microseconds, but 1 s at
// most: a loop that does not answer by then is named, with the task that holds it where that can be found
// out.
//
// Costs while nobody looks: each `co_await` notes its place, and a task takes a number when it first waits.
// Starting and joining a task takes 3 % longer, 12 % when the task waits (docs/observing.md has the figures).
// -DTANDEM_TASK_REGISTRY=OFF (CMake) takes all of it out; nothing is listed then.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem {

// A coroutine of a task: where it awaits what is above it.
class task_frame {
public:
    task_frame() {}
    task_frame(std::string f, std::string where, std::uint32_t l)
        : function(std::move(f)), file(std::move(where)), line(l) {}
    std::string function;   // "fetch(url)"
    std::string file;       // as the compiler was told it
    std::uint32_t line = 0; // 0: not known
};

enum class task_state {
    running, // the one that a loop runs at this moment
    ready,   // it will run as soon as its turn comes
    waiting,
};

class task_info {
public:
    task_info() {}
    std::uint64_t id = 0;     // unique in the process, not in order of time; 0: it has never waited
    std::uint64_t parent = 0; // of the task that waits for it; 0: none
    std::string name;         // "" when none was given; inherited
    std::string where;        // its scheduler: "loop 0", "Asio strand"
    task_state state = task_state::waiting;
    std::string operation;                         // while it waits: "channel.receive"
    std::chrono::nanoseconds waited{0};            // so far
    std::chrono::steady_clock::time_point since{}; // when it began to wait
    std::vector<task_frame> stack;                 // innermost coroutine first, 64 at most
    bool cancelled = false;
    task_frame spawned_at; // where a group or a runtime was told to begin it, if known
};

// In order of their ids. Throws std::bad_alloc only.
std::vector<task_info> list_tasks();

// As a tree, children below their parents.
void dump_tasks(std::ostream& out);
std::string dump_tasks();

// While it lives, `dump_tasks` is printed to stderr each time the process gets `signal`. By a thread of its
// own: loops that are stuck do not keep it from it. One at a time in a process: std::logic_error otherwise;
// std::system_error when the signal cannot be caught.
class dump_tasks_on_signal {
public:
    explicit dump_tasks_on_signal(int signal); // SIGUSR1
    ~dump_tasks_on_signal();
    dump_tasks_on_signal(const dump_tasks_on_signal&) = delete;
    dump_tasks_on_signal& operator=(const dump_tasks_on_signal&) = delete;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem
