#include "examples/crawler/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <map>

namespace crawler {

namespace {

constexpr std::array<std::string_view, 20> option_names{
    "--concurrency", "--per-host", "--depth",      "--max-pages", "--timeout", "--delay",    "--scope",
    "--workers",     "--loops",    "--user-agent", "--no-robots", "--cacert",  "--insecure", "--output",
    "--summary",     "--quiet",    "--verbose",    "--demo",      "--help",    "--version"};

// Levenshtein distance; both are short.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

[[noreturn]] void unknown_option(std::string_view name) {
    std::string message = "unknown option " + std::string(name.substr(0, 60));
    std::string_view closest;
    std::size_t least = 4;
    for (const std::string_view candidate : option_names) {
        const std::size_t d = distance(name.substr(0, 60), candidate);
        if (d < least) {
            least = d;
            closest = candidate;
        }
    }
    if (!closest.empty()) message += "; did you mean " + std::string(closest) + "?";
    throw usage_error(message + " (--help lists them)");
}

std::size_t whole_number(std::string_view name, std::string_view text, std::size_t least, std::size_t most) {
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value < least || value > most)
        throw usage_error(std::string(name) + " wants a whole number from " + std::to_string(least) + " to " +
                          std::to_string(most) + ", not \"" + std::string(text.substr(0, 60)) + "\"");
    return value;
}

std::chrono::milliseconds seconds(std::string_view name, std::string_view text) {
    double value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || !(value > 0) || value > 86'400)
        throw usage_error(std::string(name) + " wants seconds, more than 0 and at most 86400, not \"" +
                          std::string(text.substr(0, 60)) + "\"");
    return std::chrono::milliseconds(std::max<std::int64_t>(1, static_cast<std::int64_t>(value * 1000)));
}

scope_kind scope_named(std::string_view text) {
    if (text == "host") return scope_kind::host;
    if (text == "domain") return scope_kind::domain;
    if (text == "prefix") return scope_kind::prefix;
    throw usage_error("--scope is host, domain or prefix, not \"" + std::string(text.substr(0, 60)) + "\"");
}

} // namespace

options parse_options(const std::vector<std::string>& arguments) {
    options o;
    bool per_host_given = false;
    using setter = std::function<void(std::string_view name, std::string_view value)>;
    constexpr std::size_t many = 1'000'000'000;
    const std::map<std::string_view, setter> with_value{
        {"--concurrency", [&](auto n, auto v) { o.concurrency = whole_number(n, v, 1, 10'000); }},
        {"--per-host",
         [&](auto n, auto v) {
             o.per_host = whole_number(n, v, 1, 10'000);
             per_host_given = true;
         }},
        {"--depth", [&](auto n, auto v) { o.depth = whole_number(n, v, 0, many); }},
        {"--max-pages", [&](auto n, auto v) { o.max_pages = whole_number(n, v, 1, many); }},
        {"--timeout", [&](auto n, auto v) { o.timeout = seconds(n, v); }},
        {"--delay",
         [&](auto n, auto v) { o.delay = std::chrono::milliseconds(whole_number(n, v, 0, 86'400'000)); }},
        {"--scope", [&](auto, auto v) { o.scope = scope_named(v); }},
        {"--workers", [&](auto n, auto v) { o.workers = whole_number(n, v, 1, 1024); }},
        {"--loops", [&](auto n, auto v) { o.loops = whole_number(n, v, 1, 256); }},
        {"--user-agent", [&](auto, auto v) { o.user_agent = v; }},
        {"--cacert", [&](auto, auto v) { o.ca_file = v; }},
        {"--output", [&](auto, auto v) { o.output = v; }},
        {"--summary", [&](auto, auto v) { o.summary = v; }},
    };
    bool no_robots = false;
    const std::map<std::string_view, bool*> flags{
        {"--insecure", &o.insecure}, {"--quiet", &o.quiet},       {"--verbose", &o.verbose},
        {"--demo", &o.demo},         {"--help", &o.help},         {"-h", &o.help},
        {"--version", &o.version},   {"--no-robots", &no_robots},
    };

    bool only_urls = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (only_urls || argument.size() < 2 || argument.front() != '-') {
            o.seeds.emplace_back(argument);
            continue;
        }
        if (argument == "--") {
            only_urls = true;
            continue;
        }
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        if (const auto found = with_value.find(name); found != with_value.end()) {
            if (equals != std::string_view::npos)
                found->second(name, argument.substr(equals + 1));
            else if (i + 1 < arguments.size())
                found->second(name, arguments[++i]);
            else
                throw usage_error(std::string(name) + " wants a value (--help shows which)");
        } else if (const auto flag = flags.find(name); flag != flags.end()) {
            if (equals != std::string_view::npos) throw usage_error(std::string(name) + " takes no value");
            *flag->second = true;
        } else {
            unknown_option(name);
        }
    }
    o.robots = !no_robots;
    if (o.demo && !per_host_given) o.per_host = o.concurrency; // our own site: no need to spare it
    if (o.help || o.version) return o;
    if (o.quiet && o.verbose) throw usage_error("--quiet and --verbose exclude each other");
    if (o.demo && !o.seeds.empty())
        throw usage_error("--demo crawls its own site: leave out the URLs, or --demo");
    if (!o.demo && o.seeds.empty())
        throw usage_error("no URL given; try: tandem-crawl --demo, or tandem-crawl https://example.org/");
    if (!o.output.empty() && o.output == o.summary)
        throw usage_error("--output and --summary cannot be the same file");
    return o;
}

std::string help_text() {
    return R"(usage: tandem-crawl [options] URL...
       tandem-crawl --demo

Crawls web sites from the given URLs: fetches pages concurrently on an event loop, parses them in
parallel on a pool of threads, follows their links, and reports what it found and how fast.

how much:
  --concurrency N    requests in flight at most, over all hosts (64)
  --per-host N       requests in flight at most for each host (8; --demo: as --concurrency)
  --depth N          links away from the start at most (no limit; 0: only the given URLs)
  --max-pages N      pages to fetch at most (no limit)
  --timeout S        seconds for one page, everything included (30)
  --delay MS         milliseconds between two requests to the same host (0)
  --workers N        threads of the pool that parses (one for each core)
  --loops N          event loops that fetch, each with a thread (1)

where to:
  --scope WHAT       host: the hosts of the given URLs (default); domain: their subdomains as well;
                     prefix: only below the directory of the given URLs
  --no-robots        ignore robots.txt, meta robots and rel=nofollow (for sites of your own)
  --user-agent S     how to introduce itself (tandem-crawl/0.1)

TLS:
  --cacert FILE      trust the certificate authorities in this PEM file instead of the system's
  --insecure         accept any certificate

results:
  --output FILE      one JSON object a line for each page, as they finish (- for standard output)
  --summary FILE     figures of the whole crawl as JSON (- for standard output)
  --quiet            no progress and no report;  --verbose  a line for each page and each failure
  --demo             crawl a site that this program serves to itself
  --version, --help

examples:
  tandem-crawl https://example.org/
  tandem-crawl --depth 2 --output pages.jsonl --summary summary.json https://example.org/docs/
  tandem-crawl --no-robots --loops 2 --concurrency 256 http://localhost:8080/

exit codes:
  0 something was fetched, or robots.txt allows nothing    5 TLS
  2 usage    3 a file    4 network    7 not HTTP    8 the server answered with errors only
  130 and 143 after Ctrl-C and SIGTERM: what was found is written; a second one ends at once
)";
}

} // namespace crawler
