#include "lib/observe/task_tree.hpp"

#include "lib/observe/text.hpp"
#include "lib/observe/thread_probe.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace tandem::detail {

namespace {

task_state state_of(task_activity activity) noexcept {
    switch (activity) {
    case task_activity::running:
        return task_state::running;
    case task_activity::ready:
        return task_state::ready;
    case task_activity::waiting:
        break;
    }
    return task_state::waiting;
}

task_info info_of(const task_fact& fact, const std::string& where) {
    task_info info;
    info.id = fact.id;
    info.name = fact.name;
    info.where = where;
    info.state = state_of(fact.activity);
    if (fact.operation) info.operation = fact.operation;
    info.waited = fact.age;
    info.cancelled = fact.cancelled;
    if (fact.activity == task_activity::waiting) info.since = std::chrono::steady_clock::now() - fact.age;
    info.stack = frames_of(fact.stack.data(), fact.stack.size());
    if (fact.spawned_at.line() != 0) info.spawned_at = frames_of(&fact.spawned_at, 1).front();
    return info;
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
    return "waits for " + duration_text(task.waited) + " in " + task.operation;
}

void print(std::string& text, const task_info& task, std::size_t depth) {
    const std::string indent(2 * depth, ' ');
    text += indent + task_text(task.id, task.name) + ": " + state_text(task) + " (" + task.where +
            (task.cancelled ? ", cancelled)\n" : ")\n");
    for (const task_frame& frame : task.stack) {
        const std::string line = frame_text(frame);
        if (!line.empty()) text += indent + "    in " + line + "\n";
    }
    const std::string spawned = frame_text(task.spawned_at);
    if (!spawned.empty()) text += indent + "    spawned in " + spawned + "\n";
}

} // namespace

std::vector<task_info> infos_of(const std::vector<scheduler_facts>& schedulers) {
    // Parents are told by address: they may belong to another scheduler, where nothing may be read.
    std::unordered_map<const void*, std::uint64_t> ids;
    for (const scheduler_facts& facts : schedulers)
        for (const task_fact& fact : facts.tasks)
            ids.emplace(fact.task, fact.id);
    std::vector<task_info> tasks;
    for (const scheduler_facts& facts : schedulers) {
        for (const task_fact& fact : facts.tasks) {
            task_info& info = tasks.emplace_back(info_of(fact, facts.label));
            if (const auto parent = ids.find(fact.parent); parent != ids.end()) info.parent = parent->second;
        }
    }
    std::sort(tasks.begin(), tasks.end(), [](const task_info& a, const task_info& b) { return a.id < b.id; });
    return tasks;
}

// Depth first, without recursion: a chain of parents may be long.
std::string tree_text(const std::vector<task_info>& tasks) {
    std::string text;
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
    return text;
}

} // namespace tandem::detail
