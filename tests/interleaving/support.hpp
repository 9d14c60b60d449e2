// How the tests of this directory state what they expect of a scenario.
#pragma once

#include "tests/interleaving/atomic.hpp"
#include "tests/interleaving/blocking.hpp"
#include "tests/interleaving/explorer.hpp"
#include "tests/support/catch.hpp"

#include <cstdio>
#include <string>

namespace tests {

// The failing schedule as it is: Catch2 would break its lines.
inline void print(const std::string& name, const explore::report& result) {
    std::printf("%s: %s\nschedule %s\n%s", name.c_str(), result.message.c_str(), result.schedule.c_str(),
                result.trace.c_str());
}

// For protocols of few steps.
inline explore::limits thorough() {
    explore::limits most;
    most.preemptions = 3;
    most.stale_loads = 2;
    return most;
}

// No schedule fails.
inline explore::report holds(const std::string& name, const explore::scenario& what,
                             const explore::limits& most = explore::limits()) {
    auto result = explore::run(name, most, what);
    INFO(name << ": " << result.message);
    CHECK_FALSE(result.failed);
    if (result.failed) print(name, result);
    return result;
}

namespace detail {

inline explore::report found(const std::string& name, const std::string& why, explore::report result) {
    INFO(name << ": " << result.message);
    CHECK(result.failed);
    CHECK(result.message.find(why) != std::string::npos);
    CHECK(result.failed != result.schedule.empty());
    if (result.message.find(why) == std::string::npos) print(name, result);
    return result;
}

} // namespace detail

// Some schedule fails, and `why` is part of what is said about it.
inline explore::report fails(const std::string& name, const std::string& why, const explore::scenario& what,
                             const explore::limits& most = explore::limits()) {
    return detail::found(name, why, explore::run(name, most, what));
}

// The same, with a bug planted into code that holds without it.
inline explore::report finds(const std::string& name, const explore::mutation& bug, const std::string& why,
                             const explore::scenario& what, const explore::limits& most = explore::limits()) {
    return detail::found(name, why, explore::run_mutated(name, most, bug, what));
}

} // namespace tests
