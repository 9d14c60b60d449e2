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
// Stale ones are given in two cases more (RFC 5861). stale-if-error: when asking fails, or the answer is 500
// or above. stale-while-revalidate: at once, while it is asked for again in the background. No request can do
// that, as it has ended by then: a task has to be in revalidate() for the client, or else the directive is
// not made use of, and the request itself asks.
//
//     group.spawn(named("cache"), [&] { return cache->revalidate(web); });
//
// The response's no-cache and must-revalidate are obeyed, and the request's no-store,
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

class client; // <tandem/http/client.hpp>

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

    /// 4: so many requests of revalidate() are under way at a time, for each client; 0 counts as 1.
    cache_options& max_revalidations(std::size_t n) noexcept {
        max_revalidations_ = n;
        return *this;
    }

    [[nodiscard]] std::size_t max_entry_bytes() const noexcept { return max_entry_bytes_; }
    [[nodiscard]] bool heuristic() const noexcept { return heuristic_; }
    [[nodiscard]] std::chrono::nanoseconds max_heuristic() const noexcept { return max_heuristic_; }
    [[nodiscard]] std::size_t max_revalidations() const noexcept { return max_revalidations_; }

private:
    std::size_t max_entry_bytes_ = std::size_t{8} << 20;
    std::size_t max_revalidations_ = 4;
    std::chrono::nanoseconds max_heuristic_ = std::chrono::hours(24);
    bool heuristic_ = true;
};

class cache_counters {
public:
    cache_counters() noexcept {}
    std::uint64_t hits = 0;      ///< answered without asking
    std::uint64_t validated = 0; ///< answered, or renewed in the background, after a 304
    std::uint64_t stale = 0;  ///< answered with a stale one: max-stale, stale-if-error and -while-revalidate
    std::uint64_t misses = 0; ///< asked
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

    /// Asks again, until it is cancelled, for what this cache gives stale to `web`, which has it among its
    /// interceptors, under stale-while-revalidate. Each is an ordinary request of the client (with the
    /// fields, credentials and limits of the one that was answered, without its functions), one at a time for
    /// a URL and variant, also over all clients of the cache. At most max_revalidations() are under way and
    /// 64 wait; a request that finds no room asks itself. One that fails leaves what is kept; the next one
    /// tries again.
    ///
    /// On the client's scheduler; one task for a client (std::logic_error). The client must outlive it.
    /// Throws what the client's interceptors throw. Cancellation: cancels the requests that are under way,
    /// waits for them, drops those that wait, and throws operation_cancelled; what is kept stays whole.
    [[nodiscard]] task<> revalidate(client& web);

    [[nodiscard]] cache_counters counters() const noexcept;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace tandem::http
