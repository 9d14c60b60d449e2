// The time of day, for what HTTP says by dates.
#pragma once

#include <tandem/core/context.hpp>

#include <chrono>

namespace tandem::http {

/// In a task: the system's time, moved by as much as the scheduler's clock has been (tests have virtual
/// time).
[[nodiscard]] inline std::chrono::system_clock::time_point wall_now() {
    const auto ahead = task_context::current()->home().now() - scheduler::clock::now();
    return std::chrono::system_clock::now() +
           std::chrono::duration_cast<std::chrono::system_clock::duration>(ahead);
}

} // namespace tandem::http
