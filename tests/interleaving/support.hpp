// How the tests of this directory state what they expect of a scenario.
#pragma once

#include "tests/interleaving/atomic.hpp"
#include "tests/interleaving/blocking.hpp"
#include "tests/interleaving/explorer.hpp"
#include "tests/support/catch.hpp"

#include <string>

namespace tests {

// No schedule fails.
inline explore::report holds(const std::string& name, const explore::scenario& what,
                             const explore::limits& most = explore::limits()) {
    auto result = explore::run(name, most, what);
    INFO(name << ": " << result.message << "\nschedule: " << result.schedule << "\n" << result.trace);
    CHECK_FALSE(result.failed);
    return result;
}

// Some schedule fails, and `why` is part of what is said about it.
inline explore::report fails(const std::string& name, const std::string& why, const explore::scenario& what,
                             const explore::limits& most = explore::limits()) {
    auto result = explore::run(name, most, what);
    INFO(name << ": " << result.message << "\n" << result.trace);
    CHECK(result.failed);
    CHECK(result.message.find(why) != std::string::npos);
    CHECK_FALSE(result.schedule.empty());
    return result;
}

// The scenario holds, and with the bug planted some schedule fails.
inline explore::report finds(const std::string& name, const explore::mutation& bug, const std::string& why,
                             const explore::scenario& what, const explore::limits& most = explore::limits()) {
    auto result = explore::run_mutated(name, most, bug, what);
    INFO(name << ": " << result.message << "\n" << result.trace);
    CHECK(result.failed);
    CHECK(result.message.find(why) != std::string::npos);
    return result;
}

} // namespace tests
