// Visits one URL: robots.txt, politeness, the request, its redirects, the body; then the pool parses it.
#pragma once

#include "examples/crawler/frontier.hpp"
#include "examples/crawler/options.hpp"
#include "examples/crawler/robots_cache.hpp"
#include "examples/crawler/scope.hpp"
#include "examples/crawler/sink.hpp"
#include "examples/crawler/statistics.hpp"

#include <tandem/core/task.hpp>
#include <tandem/http/client.hpp>

#include <atomic>
#include <cstddef>
#include <memory>

namespace crawler {

/// What all workers of a crawl share. Thread-safe parts only.
class crawl_state {
public:
    crawl_state(const options& o, std::shared_ptr<const scope> s, sink& out)
        : settings(o), where(std::move(s)), visits(o.per_host, o.delay), robots(o.timeout), pages_out(out) {}

    const options& settings;
    const std::shared_ptr<const scope> where;
    frontier visits;
    robots_cache robots;
    statistics figures;
    sink& pages_out;
    std::atomic<std::size_t> pages_begun{0};
};

/// Takes items from the frontier, visits them, adds their links, until the crawl is over. One of many that
/// share `web`. Cancellation: throws operation_cancelled; the page in progress leaves no line.
tandem::task<> crawl_worker(crawl_state& state, tandem::http::client& web);

/// The settings of the crawl's HTTP clients. Throws std::invalid_argument for a user agent that HTTP does not
/// allow.
[[nodiscard]] tandem::http::client_options client_settings(const options& o);

} // namespace crawler
