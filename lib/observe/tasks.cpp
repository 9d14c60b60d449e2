#include <tandem/observe/tasks.hpp>

#include "lib/core/task_registry.hpp"
#include "lib/observe/task_tree.hpp"
#include "lib/observe/text.hpp"
#include "lib/observe/thread_probe.hpp"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <utility>

namespace tandem {

namespace {

using detail::scheduler_facts;

constexpr std::chrono::milliseconds longest_wait{1000};

class snapshot {
public:
    snapshot() {}
    std::vector<task_info> tasks;    // in order of their ids
    std::vector<std::string> silent; // schedulers that could not be asked, a sentence each
};

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
    std::vector<task_info> held; // what holds those that do not answer
    const std::vector<scheduler_facts> all = detail::task_registry::ask(
        longest_wait, [&](scheduler& home, scheduler_facts& facts) { look_at_silent(home, facts, held); });
    taken.tasks = detail::infos_of(all);
    for (task_info& info : held)
        taken.tasks.insert(
            std::upper_bound(taken.tasks.begin(), taken.tasks.end(), info,
                             [](const task_info& a, const task_info& b) { return a.id < b.id; }),
            std::move(info));
    for (const scheduler_facts& facts : all) {
        if (facts.state == scheduler_facts::answer::missing)
            taken.silent.push_back(facts.label + " did not answer within 1 s" + facts.note);
        else if (facts.state == scheduler_facts::answer::not_running)
            taken.silent.push_back(facts.label +
                                   " is not running: its tasks stand still and cannot be asked");
    }
    return taken;
}

} // namespace

std::vector<task_info> list_tasks() {
    return take_snapshot().tasks;
}

std::string dump_tasks() {
    if (!detail::tasks_are_listed) return detail::no_task_registry;
    const snapshot taken = take_snapshot();
    std::string text =
        std::to_string(taken.tasks.size()) + (taken.tasks.size() == 1 ? " task\n" : " tasks\n");
    text += detail::tree_text(taken.tasks);
    for (const std::string& sentence : taken.silent)
        text += sentence + "\n";
    return text;
}

void dump_tasks(std::ostream& out) {
    out << dump_tasks();
}

} // namespace tandem
