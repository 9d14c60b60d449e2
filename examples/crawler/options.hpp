// The command line of tandem-crawl.
#pragma once

#include "examples/crawler/scope.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace crawler {

inline constexpr std::string_view product_token = "tandem-crawl";

class options {
public:
    options() = default;

    std::vector<std::string> seeds;
    std::size_t concurrency = 64;
    std::size_t per_host = 8; ///< for the demonstration site: as `concurrency`, unless it was given
    std::optional<std::size_t> depth;
    std::optional<std::size_t> max_pages;
    std::chrono::milliseconds timeout{30'000};
    std::chrono::milliseconds delay{0};
    scope_kind scope = scope_kind::host;
    std::size_t workers = 0; ///< 0: one for each core
    std::size_t loops = 1;
    std::string user_agent = "tandem-crawl/0.1";
    bool robots = true;
    std::string ca_file;
    bool insecure = false;
    std::string output;  ///< JSON lines; empty: none; "-": stdout
    std::string summary; ///< JSON; empty: none
    bool quiet = false;
    bool verbose = false;
    bool demo = false;
    bool help = false;
    bool version = false;
};

/// What is wrong with the command line, for people, in one line. Exit code 2.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads the arguments (without the program's name). Throws usage_error.
[[nodiscard]] options parse_options(const std::vector<std::string>& arguments);

[[nodiscard]] std::string help_text();

} // namespace crawler
