// How a task_group treats failures, how many of its children run at a time, and what a child is called.
#pragma once

#include <cstddef>
#include <source_location>
#include <string_view>

namespace tandem {

enum class failure_policy {
    cancel_siblings, // the first failure cancels all other children and is rethrown
    collect_all,     // siblings run on; one failure is rethrown as it is, several as an aggregate_error
};

class task_group_options {
public:
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

    task_group_options() noexcept {}

    // At most `children` run at a time; 0 counts as 1. Default: no limit.
    task_group_options& limit(std::size_t children) noexcept {
        limit_ = children == 0 ? 1 : children;
        return *this;
    }
    // Default: cancel_siblings.
    task_group_options& on_failure(failure_policy policy) noexcept {
        policy_ = policy;
        return *this;
    }

    std::size_t limit() const noexcept { return limit_; }
    failure_policy on_failure() const noexcept { return policy_; }

private:
    std::size_t limit_ = unlimited;
    failure_policy policy_ = failure_policy::cancel_siblings;
};

// A child's name and place, for `dump_tasks`, traces and diagnostics. Made by `named`.
class task_name {
public:
    task_name(std::string_view text, const std::source_location& where) noexcept
        : text_(text), where_(where) {}
    std::string_view text() const noexcept { return text_; }
    const std::source_location& where() const noexcept { return where_; }

private:
    std::string_view text_;
    std::source_location where_;
};

//     group.spawn(named("flush"), flush_every, 1s);
//
// The text must outlive the child: a literal.
inline task_name named(std::string_view static_name,
                       std::source_location where = std::source_location::current()) noexcept {
    return task_name(static_name, where);
}

} // namespace tandem
