// What tasks wait for, as text for the message of a deadlock.
#pragma once

#include <tandem/core/scheduler.hpp>

#include <span>
#include <string>

namespace tandem::detail {

class task_report {
public:
    // One line for each task of the loops, oldest first. No loop may be running anything.
    static std::string of(std::span<scheduler* const> loops);
};

} // namespace tandem::detail
