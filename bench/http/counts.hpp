// What does not depend on what else the machine does: system calls, allocations and instructions for each
// request. A client runs twice, the second time with twice the requests, under a tool that counts; the
// difference is free of start and warm-up.
#pragma once

#include "bench/http/peers.hpp"

#include <optional>

namespace bench {

class counts {
public:
    std::optional<double> calls;        // all system calls (strace)
    std::optional<double> reads;        // of those: recv, read and their kin
    std::optional<double> allocations;  // malloc and its kin (a preloaded library)
    std::optional<double> instructions; // in user space (valgrind)
};

// Nothing where the tool is missing.
counts count(const peer& one, const job& what, bool with_instructions);

} // namespace bench
