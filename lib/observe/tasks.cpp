#include <tandem/observe/tasks.hpp>

#include "lib/core/task_registry.hpp"
#include "lib/observe/text.hpp"
#include "lib/observe/thread_probe.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ostream>
#include <unordered_map>
#include <utility>

namespace tandem {

namespace {

using detail::scheduler_facts;

constexpr std::chrono::milliseconds longest_wait{1000};

#ifdef TANDEM_NO_TASK_REGISTRY
constexpr bool tasks_are_listed = false;
#else
constexpr bool tasks_are_listed = true;
#endif

class snapshot {
public:
    snapshot() {}
    std::vector<task_info> tasks;    // in order of their ids
    std::vector<std::string> silent; // schedulers that could not be asked, a sentence each
};

task_state state_of(detail::task_activity activity) noexcept {
    switch (activity) {
    case detail::task_activity::running:
        return task_state::running;
    case detail::task_activity::ready:
        return task_state::ready;
    case detail::task_activity::waiting:
        break;
    }
    return task_state::waiting;
}

task_info info_of(const detail::task_fact& fact, const std::string& where) {
    task_info info;
    info.id = fact.id;
    info.name = fact.name;
    info.where = where;
    info.state = state_of(fact.activity);
    if (fact.operation) info.operation = fact.operation;
    info.waited = fact.age;
    if (fact.activity == detail::task_activity::waiting)
        info.since = std::chrono::steady_clock::now() - fact.age;
    info.stack = detail::frames_of(fact.stack.data(), fact.stack.size());
    if (fact.spawned_at.line() != 0) info.spawned_at = detail::frames_of(&fact.spawned_at, 1).front();
    return info;
}

// A loop that does not answer: the one task that is known of it is the one that holds it.
void look_at_silent(scheduler& home, scheduler_facts& facts, std::vector<task_info>& tasks) {
    auto* const stuck = dynamic_cast<detail::loop*>(&home);
    if (!stuck) return;
    const auto seen = detail::probe(*stuck);
    if (!seen || !seen->task.known) return;
    task_info info;
    info.id = seen->task.id;
    info.name = seen->task.name;
    info.where = facts.label;
    info.state = task_state::running;
    info.stack = detail::frames_of(seen->task.frames, seen->task.count);
    facts.note = "; it is held by " + detail::task_text(info.id, info.name);
    tasks.push_back(std::move(info));
}

snapshot take_snapshot() {
    snapshot taken;
    const std::vector<scheduler_facts> all =
        detail::task_registry::ask(longest_wait, [&](scheduler& home, scheduler_facts& facts) {
            look_at_silent(home, facts, taken.tasks);
        });
    // Parents are told by address: they may belong to another scheduler, where nothing may be read.
    std::unordered_map<const void*, std::uint64_t> ids;
    for (const scheduler_facts& facts : all)
        for (const detail::task_fact& fact : facts.tasks)
            ids.emplace(fact.task, fact.id);
    for (const scheduler_facts& facts : all) {
        for (const detail::task_fact& fact : facts.tasks) {
            task_info& info = taken.tasks.emplace_back(info_of(fact, facts.label));
            if (const auto parent = ids.find(fact.parent); parent != ids.end()) info.parent = parent->second;
        }
        if (facts.state == scheduler_facts::answer::missing)
            taken.silent.push_back(facts.label + " did not answer within 1 s" + facts.note);
        else if (facts.state == scheduler_facts::answer::not_running)
            taken.silent.push_back(facts.label +
                                   " is not running: its tasks stand still and cannot be asked");
    }
    std::sort(taken.tasks.begin(), taken.tasks.end(),
              [](const task_info& a, const task_info& b) { return a.id < b.id; });
    return taken;
}

std::string state_text(const task_info& task) {
    switch (task.state) {
    case task_state::running:
        return "running";
    case task_state::ready:
        return "ready";
    case task_state::waiting:
        break;
    }
    return "waits for " + detail::duration_text(task.waited) + " in " + task.operation;
}

void print(std::string& text, const task_info& task, std::size_t depth) {
    const std::string indent(2 * depth, ' ');
    text +=
        indent + detail::task_text(task.id, task.name) + ": " + state_text(task) + " (" + task.where + ")\n";
    for (const task_frame& frame : task.stack) {
        const std::string line = detail::frame_text(frame);
        if (!line.empty()) text += indent + "    in " + line + "\n";
    }
    const std::string spawned = detail::frame_text(task.spawned_at);
    if (!spawned.empty()) text += indent + "    spawned in " + spawned + "\n";
}

// Depth first, without recursion: a chain of parents may be long.
void print_tree(std::string& text, const std::vector<task_info>& tasks) {
    std::unordered_map<std::uint64_t, std::vector<const task_info*>> children;
    for (const task_info& task : tasks)
        children[task.parent].push_back(&task);
    std::vector<std::pair<const task_info*, std::size_t>> to_print;
    const auto add_children = [&](std::uint64_t parent, std::size_t depth) {
        const auto found = children.find(parent);
        if (found == children.end()) return;
        for (auto child = found->second.rbegin(); child != found->second.rend(); ++child)
            to_print.emplace_back(*child, depth);
    };
    add_children(0, 0);
    while (!to_print.empty()) {
        const auto [task, depth] = to_print.back();
        to_print.pop_back();
        print(text, *task, depth);
        if (task->id != 0) add_children(task->id, depth + 1);
    }
}

} // namespace

std::vector<task_info> list_tasks() {
    return take_snapshot().tasks;
}

std::string dump_tasks() {
    if (!tasks_are_listed) return "tandem was built without its task registry: no task can be listed\n";
    const snapshot taken = take_snapshot();
    std::string text =
        std::to_string(taken.tasks.size()) + (taken.tasks.size() == 1 ? " task\n" : " tasks\n");
    print_tree(text, taken.tasks);
    for (const std::string& sentence : taken.silent)
        text += sentence + "\n";
    return text;
}

void dump_tasks(std::ostream& out) {
    out << dump_tasks();
}

} // namespace tandem
