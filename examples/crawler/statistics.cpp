#include "examples/crawler/statistics.hpp"

#include <algorithm>

namespace crawler {

namespace {
constexpr std::size_t most_slow = 10;
constexpr std::size_t most_broken = 10'000;
} // namespace

void statistics::fetch_begun() noexcept {
    const std::size_t now = in_flight_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::size_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
}

void statistics::fetch_ended() noexcept {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
}

void statistics::add(const page_record& page, std::string host) {
    const std::lock_guard lock(mutex_);
    crawl_figures& f = collected_;
    ++f.pages;
    f.bytes += page.bytes;
    f.wait_s += page.fetch_ms / 1000;
    f.parse_s += page.parse_ms / 1000;
    if (page.status != 0) ++f.by_status[page.status];
    ++f.by_host[std::move(host)];
    const bool failed = page.status >= 400 || !page.error.empty();
    if (failed) {
        ++f.errors;
        ++f.broken_total;
        if (f.broken.size() < most_broken)
            f.broken.emplace_back(page.url, page.referrer, page.status, page.error);
        if (f.first_exit_code == 0) f.first_exit_code = page.status >= 400 ? 8 : page.exit_code;
    } else {
        ++f.succeeded;
    }
    if (f.slowest.size() < most_slow || page.fetch_ms > f.slowest.back().fetch_ms) {
        const auto at = std::find_if(f.slowest.begin(), f.slowest.end(),
                                     [&](const slow_page& s) { return page.fetch_ms > s.fetch_ms; });
        f.slowest.emplace(at, page.url, page.fetch_ms);
        if (f.slowest.size() > most_slow) f.slowest.pop_back();
    }
}

std::uint64_t statistics::pages() const {
    const std::lock_guard lock(mutex_);
    return collected_.pages;
}

std::uint64_t statistics::errors() const {
    const std::lock_guard lock(mutex_);
    return collected_.errors;
}

crawl_figures statistics::figures() const {
    const std::lock_guard lock(mutex_);
    crawl_figures f = collected_;
    f.peak_concurrency = peak_.load(std::memory_order_relaxed);
    f.redirects = redirects_.load(std::memory_order_relaxed);
    f.robots_denied = robots_denied_.load(std::memory_order_relaxed);
    return f;
}

} // namespace crawler
