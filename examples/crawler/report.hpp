// The end of a crawl in words and as JSON.
#pragma once

#include "examples/crawler/statistics.hpp"

#include <string>

namespace crawler {

/// For people: what was found, and how concurrency and parallelism each shortened the work.
[[nodiscard]] std::string report_text(const crawl_figures& f);

/// For programs, one JSON object.
[[nodiscard]] std::string summary_json(const crawl_figures& f);

} // namespace crawler
