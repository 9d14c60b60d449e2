// cache_store: where an http::cache keeps responses. Two are ready: memory_cache_store, sqlite_cache_store.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/headers.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tandem::http {

/// One response as a cache keeps it, with what the cache has to know to use it again. A value.
class cached_response {
public:
    using time_point = std::chrono::sys_time<std::chrono::milliseconds>;
    cached_response() noexcept {}

    /// Tells the responses to one URL apart: whose credentials, and the request's fields that Vary names. Two
    /// of the same variant replace each other.
    std::string variant;
    int status = 0;
    std::string reason;
    http::headers headers; ///< of the response, without those of one connection
    std::string body;
    bool decoded = false;    ///< freed of its Content-Encoding
    time_point requested_at; ///< by the wall clock
    time_point received_at;

    [[nodiscard]] std::size_t bytes() const noexcept; ///< about what it takes
};

/// To be implemented by users too. Serves several clients: if they are of several loops, thread-safe. What it
/// throws counts as "not there" and "not kept" (cache_counters::store_errors); no request fails for it.
/// Cancellation: throws operation_cancelled; a change is made wholly or not at all.
class cache_store {
public:
    using entries = std::vector<std::shared_ptr<const cached_response>>;

    virtual ~cache_store();

    /// All variants of that key (a URL).
    [[nodiscard]] virtual task<entries> find(std::string key) = 0;
    /// Adds, or replaces the one of the same variant. May drop others, or this one, to stay within bounds.
    [[nodiscard]] virtual task<> put(std::string key, std::shared_ptr<const cached_response> what) = 0;
    /// Removes all variants.
    [[nodiscard]] virtual task<> remove(std::string key) = 0;

protected:
    cache_store() noexcept = default;
    cache_store(const cache_store&) = default;
    cache_store& operator=(const cache_store&) = default;
};

} // namespace tandem::http
