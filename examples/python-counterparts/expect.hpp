// What every program here checks itself with: prints the place and ends the program with 1.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

inline void expect(bool condition, std::source_location where = std::source_location::current()) {
    if (condition) return;
    std::fprintf(stderr, "%s:%u: not as expected\n", where.file_name(), static_cast<unsigned>(where.line()));
    std::fflush(stderr);
    std::_Exit(1);
}
