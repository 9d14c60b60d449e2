// A whole crawl: workers on every loop, the frontier between them, figures at the end.
#pragma once

#include "examples/crawler/options.hpp"
#include "examples/crawler/sink.hpp"
#include "examples/crawler/statistics.hpp"

#include <tandem/core/task.hpp>
#include <tandem/net/url.hpp>

#include <vector>

namespace crawler {

/// Crawls from `seeds` on the loops 0 to `o.loops - 1` of the running task's runtime. A cancellation ends it
/// early: the figures then have `interrupted` set, and nothing is thrown. Throws file_error when the output
/// cannot be written. `o` and `out` must live as long as the task.
tandem::task<crawl_figures> crawl(const options& o, sink& out, std::vector<tandem::url> seeds);

} // namespace crawler
