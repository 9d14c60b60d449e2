// The robots.txt of each origin, fetched once, when it is first needed.
#pragma once

#include "examples/crawler/robots.hpp"

#include <tandem/core/task.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/error.hpp>
#include <tandem/net/url.hpp>
#include <tandem/sync/event.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace crawler {

/// What became of an origin's robots.txt.
class robots_answer {
public:
    explicit robots_answer(robots_rules what) : rules(std::move(what)) {}

    /// Whether there was a file, or none for certain; otherwise `rules` allow nothing (RFC 9309, 2.3.1.4).
    [[nodiscard]] bool is_known() const noexcept { return !failure && status < 500; }

    robots_rules rules;
    int status = 0;                             ///< of the answer; 0 without one
    std::optional<tandem::http::error> failure; ///< why there was none
};

/// Thread-safe: workers of several loops ask, each with the client of its own loop.
class robots_cache {
public:
    /// `timeout` is for one robots.txt, everything included.
    explicit robots_cache(std::chrono::milliseconds timeout) : timeout_(timeout) {}

    /// The rules for `u`'s origin. The first to ask fetches the file; the others wait. Never fails.
    /// Cancellation: throws operation_cancelled; when the fetch itself was cancelled, another waiter takes it
    /// over.
    tandem::task<std::shared_ptr<const robots_answer>> rules_for(tandem::http::client& web, tandem::url u);

private:
    class entry {
    public:
        std::shared_ptr<const robots_answer> answer; // guarded by mutex_
        bool fetching = false;                       // guarded by mutex_
        tandem::event changed;
    };
    class fetch_guard;

    static tandem::task<robots_answer> fetch(tandem::http::client& web, tandem::url robots_txt,
                                             std::chrono::milliseconds timeout);

    const std::chrono::milliseconds timeout_;
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<entry>> entries_;
};

} // namespace crawler
