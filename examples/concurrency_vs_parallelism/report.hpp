// The table for people.
#pragma once

#include "examples/concurrency_vs_parallelism/ways.hpp"

#include <span>
#include <string>

namespace four_ways {

std::string seconds_text(double seconds); // "153 ms", "2.20 s"

void print_table(const job& j, std::span<const way> ways, bool color);

// `tandem`: the fourth way with threads[i] threads, the first of them with 1, each the fastest of `rounds`.
void print_amdahl(std::span<const way> tandem, std::span<const std::size_t> threads, std::size_t rounds);

} // namespace four_ways
