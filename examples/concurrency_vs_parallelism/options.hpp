// The command line.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace four_ways {

class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct options {
    std::size_t pages = 40;
    double latency_ms = 50;
    double compute_ms = 5;
    std::size_t threads = 0;          // of the pool; set by parse_options: as many as there are cores
    std::size_t blocking_threads = 0; // of the third way; set by parse_options: as many as `threads`
    std::size_t rounds = 1;
    std::string svg;   // empty: none
    std::string trace; // empty: none
    bool help = false;
};

// Throws usage_error.
options parse_options(const std::vector<std::string>& arguments);

extern const char* const help_text;

} // namespace four_ways
