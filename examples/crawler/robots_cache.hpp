// The robots.txt of each origin, fetched once, when it is first needed.
#pragma once

#include "examples/crawler/robots.hpp"

#include <tandem/core/task.hpp>
#include <tandem/http/client.hpp>
#include <tandem/net/url.hpp>
#include <tandem/sync/event.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace crawler {

/// Thread-safe: workers of several loops ask, each with the client of its own loop.
class robots_cache {
public:
    /// The rules for `u`'s origin. The first to ask fetches the file; the others wait. Never fails: an origin
    /// that does not answer is disallowed (RFC 9309, 2.3.1.4). Cancellation: throws operation_cancelled; when
    /// the fetch itself was cancelled, another waiter takes it over.
    tandem::task<std::shared_ptr<const robots_rules>> rules_for(tandem::http::client& web, tandem::url u);

private:
    class entry {
    public:
        std::shared_ptr<const robots_rules> rules; // guarded by mutex_
        bool fetching = false;                     // guarded by mutex_
        tandem::event changed;
    };
    class fetch_guard;

    static tandem::task<robots_rules> fetch(tandem::http::client& web, tandem::url robots_txt);

    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<entry>> entries_;
};

} // namespace crawler
