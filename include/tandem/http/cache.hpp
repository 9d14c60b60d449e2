// cache: a private HTTP cache (RFC 9111) around the requests of a client.
//
//     auto cache = std::make_shared<http::cache>();                        // in memory, 64 MiB
//     http::client web(http::client_options().intercept(cache).retry(http::retry_options()));
//
//     auto store = std::make_shared<http::sqlite_cache_store>("cache.db"); // or in a file, across runs
//     auto other = std::make_shared<http::cache>(store);
//
// Kept are whole responses to GET that may be (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501; no
// `no-store`, no `Vary: *`, not after a redirect) and that are of use: fresh for a while, or with an ETag or
// Last-Modified. Freshness comes from max-age, from Expires, or for lack of both from Last-Modified (a tenth
// of its age, at most a day). While a response is fresh it is given without asking, with its Age; then it is
// validated (If-None-Match, If-Modified-Since), and a 304 renews it. HEAD is answered by what GET has left.
//
// The response's no-cache, must-revalidate and stale-if-error are obeyed, and the request's no-store,
// no-cache (also Pragma), max-age, max-stale, min-fresh, stale-if-error and only-if-cached (504 when nothing
// fits). s-maxage and proxy-revalidate are for shared caches. A request of an unsafe method that succeeds
// removes what was kept for its URL, and for Location and Content-Location of the same origin.
//
// Who asks: responses are kept for the credentials that they were asked with (a hash of them), and given to
// no other. A cookie jar is not looked at, unless Vary names Cookie.
//
// Passed by: requests with Range or conditions of their own, other methods. Streams (client::open) are given
// from the cache while it is fresh, but not kept.
#pragma once

#include <tandem/core/time_span.hpp>
#include <tandem/http/cache_store.hpp>
#include <tandem/http/interceptor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tandem::http {

/// A value. Setters chain.
class cache_options {
public:
    cache_options() noexcept {}

    cache_options& max_entry_bytes(std::size_t n) noexcept { ///< 8 MiB: larger ones are not kept
        max_entry_bytes_ = n;
        return *this;
    }
    /// True: responses that do not say how long they are fresh are so for a tenth of their age.
    cache_options& heuristic(bool yes) noexcept {
        heuristic_ = yes;
        return *this;
    }
    cache_options& max_heuristic(time_span d) noexcept { ///< 24 h
        max_heuristic_ = d;
        return *this;
    }

    [[nodiscard]] std::size_t max_entry_bytes() const noexcept { return max_entry_bytes_; }
    [[nodiscard]] bool heuristic() const noexcept { return heuristic_; }
    [[nodiscard]] std::chrono::nanoseconds max_heuristic() const noexcept { return max_heuristic_; }

private:
    std::size_t max_entry_bytes_ = std::size_t{8} << 20;
    std::chrono::nanoseconds max_heuristic_ = std::chrono::hours(24);
    bool heuristic_ = true;
};

class cache_counters {
public:
    cache_counters() noexcept {}
    std::uint64_t hits = 0;      ///< answered without asking
    std::uint64_t validated = 0; ///< answered after a 304
    std::uint64_t stale = 0;     ///< answered with a stale one: max-stale, stale-if-error
    std::uint64_t misses = 0;    ///< asked
    std::uint64_t stored = 0;
    std::uint64_t invalidated = 0; ///< requests of unsafe methods that removed what was kept
    std::uint64_t store_errors = 0;
};

/// Thread-safe if its store is: may be given to clients of several loops.
///
/// Cancellation: as the client and the store: throws operation_cancelled; what is kept stays whole.
class cache final : public interceptor {
public:
    explicit cache(cache_options how = cache_options()); ///< with a memory_cache_store of 64 MiB
    explicit cache(std::shared_ptr<cache_store> where, cache_options how = cache_options());
    ~cache() override;

    [[nodiscard]] task<result<response>> send(request what, next rest) override;
    [[nodiscard]] task<result<response_stream>> open(request what, next rest) override;

    [[nodiscard]] cache_counters counters() const noexcept;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace tandem::http
