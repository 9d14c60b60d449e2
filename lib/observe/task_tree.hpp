// How tasks are shown: one wording for `dump_tasks`, for a signal's dump and for a test that is stuck.
#pragma once

#include <tandem/observe/tasks.hpp>

#include "lib/core/task_registry.hpp"

#include <string>
#include <vector>

namespace tandem::detail {

#ifdef TANDEM_NO_TASK_REGISTRY
inline constexpr bool tasks_are_listed = false;
#else
inline constexpr bool tasks_are_listed = true;
#endif
inline constexpr const char* no_task_registry =
    "tandem was built without its task registry: no task can be listed\n";

// What the schedulers told, in order of the tasks' ids.
std::vector<task_info> infos_of(const std::vector<scheduler_facts>& schedulers);

// Children below their parents.
std::string tree_text(const std::vector<task_info>& tasks);

} // namespace tandem::detail
