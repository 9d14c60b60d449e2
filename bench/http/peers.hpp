// The clients that are compared: how each is started, and where its figures come from.
#pragma once

#include "bench/http/job.hpp"
#include "bench/http/process.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bench {

class figures {
public:
    double requests = 0;
    double per_second = 0;
    double cpu_us = 0; // for each request
    double p50_us = 0; // 0: not known
    double p99_us = 0;
};

class peer {
public:
    std::string name;
    bool is_native = false;    // its allocations are those of malloc
    bool speaks_http2 = false; // with prior knowledge, many requests on one connection
    // A command for `what`, and what its output says; nothing when it failed.
    std::function<std::vector<std::string>(const job& what)> command;
    std::function<std::optional<figures>(const job& what, const finished& end)> read;
};

// tandem first, the floor second. `missing` gets the names, with reasons, of those that are not there.
std::vector<peer> all_peers(std::vector<std::string>& missing);

} // namespace bench
