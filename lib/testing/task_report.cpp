#include "lib/testing/task_report.hpp"

#include <tandem/core/context.hpp>
#include <tandem/core/detail/promise.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

namespace tandem::detail {

#ifdef TANDEM_NO_TASK_REGISTRY

std::string task_report::of(std::span<scheduler* const>) {
    return "  (the library was built without a list of its tasks)\n";
}

#else

namespace {

std::string seconds(scheduler::clock::duration time) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f s", std::chrono::duration<double>(time).count());
    return text.data();
}

std::string place(const std::source_location& where) {
    const std::string_view file = where.file_name();
    return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(where.line());
}

} // namespace

std::string task_report::of(std::span<scheduler* const> loops) {
    class entry {
    public:
        entry(std::uint64_t i, std::string t) : id(i), text(std::move(t)) {}
        std::uint64_t id;
        std::string text;
    };
    std::vector<entry> entries;
    for (const scheduler* const loop : loops) {
        for (const task_context* task = loop->tasks_; task; task = task->registry_next_) {
            std::string text = "  task #" + std::to_string(task->id_);
            if (!task->name_.empty()) text += " '" + std::string(task->name_) + "'";
            if (task->parent_ && task->parent_->id_ != 0)
                text += " (child of #" + std::to_string(task->parent_->id_) + ")";
            if (task->operation_)
                text += " waits for " + std::string(task->operation_) + " since " +
                        seconds(loop->now() - task->since_);
            else
                text += " is ready";
            if (task->operation_ && task->resume_)
                text += ", at " + place(promise_base::of(task->resume_).location());
            if (task->spawned_at_.line() != 0) text += ", spawned at " + place(task->spawned_at_);
            if (task->cancelled_) text += ", cancelled";
            entries.emplace_back(task->id_, text + "\n");
        }
    }
    std::sort(entries.begin(), entries.end(), [](const entry& a, const entry& b) { return a.id < b.id; });
    std::string all;
    for (const entry& e : entries)
        all += e.text;
    return all;
}

#endif

} // namespace tandem::detail
