#include "bench/http/job.hpp"

#include "bench/pool/measure.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace bench {

namespace {

template <class Number>
Number number(std::string_view text) {
    Number value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size()) die("not a number: " + std::string(text));
    return value;
}

} // namespace

void die(std::string_view what) {
    std::fprintf(stderr, "bench_http: %.*s\n", static_cast<int>(what.size()), what.data());
    std::exit(1);
}

double wall_ns() {
    return now_ns(CLOCK_MONOTONIC);
}

job parse_job(const std::vector<std::string>& arguments) {
    if (arguments.size() != 6)
        die("a client takes URL REQUESTS IN_FLIGHT BODY_BYTES keep|close|http2 CA_FILE");
    job what;
    what.url = arguments[0];
    const std::size_t scheme = what.url.find("://");
    const std::size_t path = what.url.find('/', scheme + 3);
    const std::size_t colon = what.url.find(':', scheme + 3);
    if (scheme == std::string::npos || path == std::string::npos || colon > path)
        die("a URL is scheme://host:port/path");
    what.scheme = what.url.substr(0, scheme);
    what.host = what.url.substr(scheme + 3, colon - scheme - 3);
    what.port = number<std::uint16_t>(std::string_view(what.url).substr(colon + 1, path - colon - 1));
    what.path = what.url.substr(path);
    what.requests = number<std::size_t>(arguments[1]);
    what.in_flight = number<std::size_t>(arguments[2]);
    what.body_bytes = number<std::size_t>(arguments[3]);
    what.new_connections = arguments[4] == "close";
    what.http2 = arguments[4] == "http2";
    what.ca_file = arguments[5];
    return what;
}

void measurement::begin() {
    latencies_.clear();
    wall_ = now_ns(CLOCK_MONOTONIC);
    cpu_ = now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void measurement::end(std::size_t requests) {
    const double cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_;
    const double wall = now_ns(CLOCK_MONOTONIC) - wall_;
    std::printf(
        "{\"requests\": %zu, \"seconds\": %.6f, \"cpu_us\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
        requests, wall / 1e9, cpu / 1e3, quantile(latencies_, 0.5) / 1e3, quantile(latencies_, 0.99) / 1e3);
    std::fflush(stdout);
}

} // namespace bench
