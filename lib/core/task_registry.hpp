// Which tasks there are: every scheduler of the process, and what each knows of its tasks.
//
// A scheduler's tasks are listed in the scheduler itself, and only its own thread may read the list. So who
// wants to know them all has each scheduler run a node that looks, and waits for the answers, but not for
// ever: a scheduler may be busy. The node belongs to the scheduler's entry in the process's list, which lives
// as long as the scheduler: a late answer finds nobody, and no scheduler runs a node that is gone.
#pragma once

#include <tandem/core/context.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <vector>

namespace tandem::detail {

enum class task_activity { running, ready, waiting };

// What its scheduler knows of a task, without what takes long to make of it.
class task_fact {
public:
    task_fact() noexcept {}
    const void* task = nullptr; // to tell it from others
    const void* parent = nullptr;
    std::uint64_t id = 0;
    std::string name;
    task_activity activity = task_activity::waiting;
    const char* operation = nullptr;
    scheduler::clock::duration age{}; // of the wait
    bool cancelled = false;
    std::source_location spawned_at{};
    std::vector<std::source_location> stack; // innermost first
};

class scheduler_facts {
public:
    enum class answer { given, missing, not_running, gone };
    explicit scheduler_facts(std::string l) noexcept : label(std::move(l)) {}
    std::string label;
    answer state = answer::missing;
    std::vector<task_fact> tasks;
    std::string note; // of one that did not answer
};

// What a thread runs, as a signal handler on it sees it.
class running_task {
public:
    running_task() noexcept {}
    static constexpr std::size_t most_frames = 32;
    static constexpr std::size_t longest_name = 63;
    bool known = false;
    std::uint64_t id = 0; // 0: it has not waited yet
    char name[longest_name + 1] = {};
    std::size_t count = 0;
    std::source_location frames[most_frames];
};

class task_registry {
public:
    using silent_scheduler = std::function<void(scheduler&, scheduler_facts&)>;

    // Asks every scheduler that has or had a task that waited. Thread-safe; from a scheduler's own thread it
    // is answered at once. `silent` is told of each that does not answer in time; that one lives meanwhile.
    static std::vector<scheduler_facts> ask(std::chrono::milliseconds limit, const silent_scheduler& silent);

    // On the scheduler's own thread; `tasks_of` also while the scheduler stands still.
    static void enlist(scheduler& home) noexcept;
    static std::vector<task_fact> tasks_of(scheduler& home);

    // Where the chain waits or runs. On its home scheduler.
    static std::coroutine_handle<> innermost(const task_context& context) noexcept;
    static std::source_location spawned_at(const task_context& context) noexcept;

    // For a timeline: the number of a task, and the wait that ends.
    static std::uint64_t id_of(const task_context& context) noexcept;
    static const char* operation_of(const task_context& context) noexcept;
    static scheduler::clock::duration age_of(const task_context& context) noexcept;

    // What runs on the calling thread. Async-signal-safe.
    static void look(running_task& seen) noexcept;
};

// "loop 0", "Asio strand" ...
std::string label_of(const scheduler& home);

} // namespace tandem::detail
