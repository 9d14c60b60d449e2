// The figures of a crawl, collected while it runs.
#pragma once

#include "examples/crawler/page_record.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace crawler {

class broken_link {
public:
    broken_link(std::string u, std::string from, int code, std::string why)
        : url(std::move(u)), referrer(std::move(from)), status(code), error(std::move(why)) {}

    std::string url;
    std::string referrer;
    int status; ///< 0 without a response
    std::string error;
};

class slow_page {
public:
    slow_page(std::string u, double ms) : url(std::move(u)), fetch_ms(ms) {}

    std::string url;
    double fetch_ms;
};

/// What the report and the summary are made of. A value.
class crawl_figures {
public:
    crawl_figures() = default;

    std::uint64_t pages = 0;     ///< URLs visited, with whatever end
    std::uint64_t errors = 0;    ///< of them: no response, or a status of 400 and more
    std::uint64_t succeeded = 0; ///< of them: a response with a status under 400
    std::uint64_t bytes = 0;
    std::uint64_t redirects = 0;     ///< followed
    std::uint64_t robots_denied = 0; ///< URLs that robots.txt kept us from
    std::size_t peak_concurrency = 0;
    double wall_s = 0;
    double cpu_s = 0;     ///< user and system, of the whole process
    double wait_s = 0;    ///< sum of the fetches' durations
    double parse_s = 0;   ///< sum of the pages' CPU time on the pool
    double loop_busy = 0; ///< share of the time that the loops' threads worked, 0 to 1 for each loop, mean
    double pool_busy = 0; ///< the same for the pool's threads
    double max_rss_mb = 0;
    std::size_t loops = 0;
    std::size_t workers = 0;
    bool interrupted = false;
    std::map<int, std::uint64_t> by_status;
    std::map<std::string, std::uint64_t> by_host;
    std::vector<slow_page> slowest;  ///< slowest first, at most 10
    std::vector<broken_link> broken; ///< in the order found, at most 10,000
    std::uint64_t broken_total = 0;
    int first_exit_code = 0; ///< of the first failure without a response
};

/// Thread-safe.
class statistics {
public:
    using clock = std::chrono::steady_clock;

    void fetch_begun() noexcept;
    void fetch_ended() noexcept;
    [[nodiscard]] std::size_t in_flight() const noexcept {
        return in_flight_.load(std::memory_order_relaxed);
    }

    void add(const page_record& page, std::string host);
    void add_redirect() noexcept { redirects_.fetch_add(1, std::memory_order_relaxed); }
    void add_robots_denied() noexcept { robots_denied_.fetch_add(1, std::memory_order_relaxed); }

    /// URLs visited and broken ones so far: what a progress line shows, without a copy of everything else.
    [[nodiscard]] std::uint64_t pages() const;
    [[nodiscard]] std::uint64_t errors() const;

    /// What was collected here; times of loops, pool and process are the caller's to fill in.
    [[nodiscard]] crawl_figures figures() const;

private:
    std::atomic<std::size_t> in_flight_{0};
    std::atomic<std::size_t> peak_{0};
    std::atomic<std::uint64_t> redirects_{0};
    std::atomic<std::uint64_t> robots_denied_{0};
    mutable std::mutex mutex_;
    crawl_figures collected_;
};

} // namespace crawler
