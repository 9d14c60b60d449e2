#include "examples/crawler/report.hpp"

#include "examples/crawler/json.hpp"
#include "examples/crawler/text.hpp"

#include <algorithm>
#include <cstdio>

namespace crawler {

namespace {

std::string fixed(double value, int decimals) {
    char buffer[64];
    std::snprintf(buffer, sizeof(buffer), "%.*f", decimals, value);
    return buffer;
}

std::string percent(double share) {
    return fixed(100 * share, 0) + " %";
}

std::string ratio(double of, double by) {
    return by > 0 ? fixed(of / by, 1) + "x" : "-";
}

} // namespace

std::string report_text(const crawl_figures& f) {
    std::string t;
    const double wall = std::max(f.wall_s, 1e-6);
    t += f.interrupted ? "\ninterrupted; until then:\n" : "\n";
    t += "pages       " + std::to_string(f.pages) + " visited, " + std::to_string(f.errors) + " broken, " +
         std::to_string(f.redirects) + " redirects followed, " + std::to_string(f.robots_denied) +
         " kept out by robots.txt\n";
    t += "volume      " + fixed(static_cast<double>(f.bytes) / 1e6, 1) + " MB in " + fixed(wall, 2) +
         " s: " + fixed(static_cast<double>(f.pages) / wall, 0) + " pages/s\n";
    std::string statuses;
    for (const auto& [status, count] : f.by_status)
        statuses += (statuses.empty() ? "" : ", ") + std::to_string(count) + " x " + std::to_string(status);
    t += "statuses    " + (statuses.empty() ? "none" : statuses) + "\n";
    t += "memory      " + fixed(f.max_rss_mb, 0) + " MB at most;  CPU " + fixed(f.cpu_s, 2) + " s\n\n";

    t += "concurrency " + fixed(f.wait_s / wall, 1) + " requests in flight on average (" +
         std::to_string(f.peak_concurrency) + " at most) on " + std::to_string(f.loops) +
         (f.loops == 1 ? " loop thread" : " loop threads") + ", " + percent(f.loop_busy) + " busy\n";
    t += "parallelism " + fixed(f.parse_s / wall, 2) + " cores busy parsing on average, on " +
         std::to_string(f.workers) + (f.workers == 1 ? " pool thread, " : " pool threads, ") +
         percent(f.pool_busy) + " busy\n";
    t += "one by one  " + fixed(f.wait_s, 2) + " s of waiting + " + fixed(f.parse_s, 2) +
         " s of parsing = " + fixed(f.wait_s + f.parse_s, 2) + " s; in tandem: " + fixed(wall, 2) + " s\n";
    t += "speed-up    " + ratio(f.wait_s + f.parse_s, wall) + " = " + ratio(f.wait_s, wall) +
         " by waiting for many answers at once + " + ratio(f.parse_s, wall) + " by parsing meanwhile\n";

    if (!f.broken.empty()) {
        t += "\nbroken links (" + std::to_string(f.broken_total) + "):\n";
        constexpr std::size_t most = 10;
        for (std::size_t i = 0; i < f.broken.size() && i < most; ++i) {
            const broken_link& b = f.broken[i];
            t += "  " + (b.status != 0 ? std::to_string(b.status) : std::string("---")) + " " +
                 printable(b.url);
            if (!b.referrer.empty()) t += "  (on " + printable(b.referrer) + ")";
            if (!b.error.empty()) t += "\n      " + printable(b.error);
            t += "\n";
        }
        if (f.broken_total > most)
            t += "  ... " + std::to_string(f.broken_total - most) + " more: --summary FILE has them all\n";
    }
    return t;
}

std::string summary_json(const crawl_figures& f) {
    const double wall = std::max(f.wall_s, 1e-6);
    json_writer json;
    json.begin_object();
    json.key("pages").number(f.pages);
    json.key("errors").number(f.errors);
    json.key("bytes").number(f.bytes);
    json.key("redirects").number(f.redirects);
    json.key("robots_denied").number(f.robots_denied);
    json.key("interrupted").boolean(f.interrupted);
    json.key("wall_s").number(f.wall_s);
    json.key("pages_per_s").number(static_cast<double>(f.pages) / wall);
    json.key("cpu_s").number(f.cpu_s);
    json.key("wait_s").number(f.wait_s);
    json.key("parse_s").number(f.parse_s);
    json.key("mean_concurrency").number(f.wait_s / wall);
    json.key("peak_concurrency").number(static_cast<std::uint64_t>(f.peak_concurrency));
    json.key("loops").number(static_cast<std::uint64_t>(f.loops));
    json.key("loop_busy").number(f.loop_busy);
    json.key("workers").number(static_cast<std::uint64_t>(f.workers));
    json.key("pool_busy").number(f.pool_busy);
    json.key("max_rss_mb").number(f.max_rss_mb);
    json.key("by_status").begin_object();
    for (const auto& [status, count] : f.by_status)
        json.key(std::to_string(status)).number(count);
    json.end_object();
    json.key("by_host").begin_object();
    for (const auto& [host, count] : f.by_host)
        json.key(host).number(count);
    json.end_object();
    json.key("slowest").begin_array();
    for (const slow_page& s : f.slowest) {
        json.begin_object().key("url").string(s.url);
        json.key("fetch_ms").number(s.fetch_ms).end_object();
    }
    json.end_array();
    json.key("broken_total").number(f.broken_total);
    json.key("broken").begin_array();
    for (const broken_link& b : f.broken) {
        json.begin_object().key("url").string(b.url);
        json.key("referrer").string(b.referrer);
        json.key("status").number(static_cast<std::uint64_t>(b.status));
        json.key("error").string(b.error).end_object();
    }
    json.end_array();
    json.end_object();
    return json.take() + '\n';
}

} // namespace crawler
