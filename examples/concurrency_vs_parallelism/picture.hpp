// Lanes over time, as an SVG file that needs nothing else and follows the viewer's light or dark scheme.
#pragma once

#include "examples/concurrency_vs_parallelism/ways.hpp"

#include <span>
#include <string>

namespace four_ways {

// On top the wall times of all ways on one scale; below, each way on a scale of its own: a lane for each
// thread and for each page (an even choice of 80 where there are more).
std::string picture(const job& j, std::span<const way> ways);

} // namespace four_ways
