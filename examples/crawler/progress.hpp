// How a crawl is going, while it is: one line that is rewritten on a terminal, a line every few seconds
// elsewhere.
#pragma once

#include "examples/crawler/fetcher.hpp"

#include <tandem/core/runtime.hpp>
#include <tandem/core/task.hpp>

#include <cstddef>
#include <cstdint>

namespace crawler {

/// Time that the first `loops` loops have worked so far, summed, in nanoseconds.
[[nodiscard]] std::uint64_t loops_busy_ns(const tandem::runtime& runtime, std::size_t loops);

/// Prints to stderr until it is cancelled; then clears its line.
tandem::task<> show_progress(crawl_state& state, tandem::runtime& runtime);

} // namespace crawler
