#include "tandem/http/client_metrics.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/method.hpp>

#include <algorithm>
#include <ostream>
#include <string>

namespace tandem::http {

namespace {

using std::chrono::nanoseconds;

class bucket {
public:
    nanoseconds bound;
    const char* label;
};
constexpr std::array<bucket, duration_histogram::buckets> bounds = {{
    {std::chrono::microseconds(5000), "0.005"},
    {std::chrono::milliseconds(10), "0.01"},
    {std::chrono::milliseconds(25), "0.025"},
    {std::chrono::milliseconds(50), "0.05"},
    {std::chrono::milliseconds(75), "0.075"},
    {std::chrono::milliseconds(100), "0.1"},
    {std::chrono::milliseconds(250), "0.25"},
    {std::chrono::milliseconds(500), "0.5"},
    {std::chrono::milliseconds(750), "0.75"},
    {std::chrono::seconds(1), "1"},
    {std::chrono::milliseconds(2500), "2.5"},
    {std::chrono::seconds(5), "5"},
    {std::chrono::milliseconds(7500), "7.5"},
    {std::chrono::seconds(10), "10"},
}};

constexpr auto relaxed = std::memory_order_relaxed;

const char* label_of(request_phase phase) noexcept {
    switch (phase) {
    case request_phase::url:
        return "url";
    case request_phase::pool_wait:
        return "pool_wait";
    case request_phase::resolve:
        return "dns";
    case request_phase::connect:
        return "connect";
    case request_phase::proxy:
        return "proxy";
    case request_phase::tls:
        return "tls";
    case request_phase::send:
        return "send";
    case request_phase::response_head:
        return "response_head";
    case request_phase::body:
        return "body";
    case request_phase::redirect:
        return "redirect";
    case request_phase::limit:
        return "limit";
    case request_phase::intercept:
        return "intercept";
    case request_phase::websocket:
        return "websocket";
    default:
        return "other";
    }
}

// Whatever the stream's locale: no separators.
std::string text_of(std::uint64_t n) {
    return std::to_string(n);
}

std::string seconds_of(std::uint64_t ns) {
    const std::string part = std::to_string(1'000'000'000 + ns % 1'000'000'000);
    return std::to_string(ns / 1'000'000'000) + '.' + part.substr(1);
}

void write_head(std::ostream& out, const std::string& name, const char* type, const char* help) {
    out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n';
}

const std::string prefix = "tandem_http_client_";

void write_one(std::ostream& out, const char* what, const char* type, const char* help, std::uint64_t value) {
    write_head(out, prefix + what, type, help);
    out << prefix << what << ' ' << text_of(value) << '\n';
}

} // namespace

void duration_histogram::record(nanoseconds length) noexcept {
    const nanoseconds counted = std::max(length, nanoseconds(0));
    std::size_t at = 0;
    while (at < buckets && counted > bounds[at].bound)
        ++at;
    counts_[at].fetch_add(1, relaxed);
    sum_.fetch_add(static_cast<std::uint64_t>(counted.count()), relaxed);
}

std::uint64_t duration_histogram::count() const noexcept {
    std::uint64_t all = 0;
    for (const auto& n : counts_)
        all += n.load(relaxed);
    return all;
}

void duration_histogram::write(std::ostream& out, const char* name, const char* labels) const {
    const std::string own = labels;
    const std::string more = own.empty() ? own : own + ',';
    const std::string braces = own.empty() ? own : '{' + own + '}';
    std::uint64_t below = 0;
    for (std::size_t i = 0; i <= buckets; ++i) {
        below += counts_[i].load(relaxed);
        out << name << "_bucket{" << more << "le=\"" << (i < buckets ? bounds[i].label : "+Inf") << "\"} "
            << text_of(below) << '\n';
    }
    out << name << "_sum" << braces << ' ' << seconds_of(sum_.load(relaxed)) << '\n';
    out << name << "_count" << braces << ' ' << text_of(below) << '\n';
}

void client_metrics::record(const request_event& e) noexcept {
    using kind = request_event::kind;
    switch (e.what()) {
    case kind::started:
        started_.fetch_add(1, relaxed);
        break;
    case kind::queued:
        pool_wait_.record(e.duration());
        break;
    case kind::reused:
        reused_.fetch_add(1, relaxed);
        break;
    case kind::resolved:
        dns_.record(e.duration());
        break;
    case kind::connected:
        opened_.fetch_add(1, relaxed);
        connect_.record(e.duration());
        break;
    case kind::secured:
        tls_.record(e.duration());
        break;
    case kind::repeated:
        repeats_.fetch_add(1, relaxed);
        break;
    case kind::answered:
        first_byte_.record(e.duration());
        break;
    case kind::redirected:
        redirects_.fetch_add(1, relaxed);
        break;
    case kind::finished: {
        finished_.fetch_add(1, relaxed);
        total_.record(e.duration());
        const auto known = parse_method(e.method());
        const std::size_t row = known ? static_cast<std::size_t>(*known) : methods - 1;
        const auto hundreds = static_cast<std::size_t>(e.status() / 100);
        if (hundreds >= 1 && hundreds <= classes) requests_[row][hundreds - 1].fetch_add(1, relaxed);
        break;
    }
    case kind::failed: {
        failed_.fetch_add(1, relaxed);
        if (!e.failure()) break;
        const auto at = static_cast<std::size_t>(e.failure()->phase());
        errors_[std::min(at, phases - 1)].fetch_add(1, relaxed);
        break;
    }
    case kind::abandoned:
        abandoned_.fetch_add(1, relaxed);
        break;
    case kind::retrying:
        retries_.fetch_add(1, relaxed);
        break;
    case kind::cached:
        cache_hits_.fetch_add(1, relaxed);
        break;
    }
}

void client_metrics::write(std::ostream& out) const {
    std::string name = prefix + "requests_total";
    write_head(out, name, "counter", "Requests that were answered, by method and class of status.");
    for (std::size_t row = 0; row < methods; ++row)
        for (std::size_t c = 0; c < classes; ++c) {
            const std::uint64_t n = requests_[row][c].load(relaxed);
            if (n == 0) continue;
            const std::string_view called =
                row + 1 < methods ? to_string(static_cast<method>(row)) : std::string_view("other");
            out << name << "{method=\"" << called << "\",code_class=\"" << text_of(c + 1) << "xx\"} "
                << text_of(n) << '\n';
        }
    name = prefix + "request_errors_total";
    write_head(out, name, "counter", "Requests that failed, by what they were doing.");
    for (std::size_t i = 0; i < phases; ++i)
        if (const std::uint64_t n = errors_[i].load(relaxed); n > 0)
            out << name << "{phase=\"" << label_of(static_cast<request_phase>(i)) << "\"} " << text_of(n)
                << '\n';

    // In this order: what has ended was begun before, so the difference is never negative.
    const std::uint64_t ended = finished_.load(relaxed) + failed_.load(relaxed) + abandoned_.load(relaxed);
    const std::uint64_t started = started_.load(relaxed);
    write_one(out, "requests_in_flight", "gauge", "Requests under way.",
              started > ended ? started - ended : 0);
    write_one(out, "requests_abandoned_total", "counter", "Requests that were cancelled or given up.",
              abandoned_.load(relaxed));
    write_one(out, "retries_total", "counter", "Repetitions by a retry policy.", retries_.load(relaxed));
    write_one(out, "repeats_total", "counter",
              "Repetitions of what a server had not answered: the connection had been closed, or it refused "
              "by HTTP/2.",
              repeats_.load(relaxed));
    write_one(out, "redirects_total", "counter", "Redirects that were followed.", redirects_.load(relaxed));
    write_one(out, "cache_hits_total", "counter", "Requests that a cache answered.",
              cache_hits_.load(relaxed));
    write_one(out, "connections_opened_total", "counter", "Connections that were opened.",
              opened_.load(relaxed));
    write_one(out, "connections_reused_total", "counter", "Requests on a kept connection.",
              reused_.load(relaxed));

    name = prefix + "request_duration_seconds";
    write_head(out, name, "histogram", "From the call to the end of the body.");
    total_.write(out, name.c_str());
    name = prefix + "phase_duration_seconds";
    write_head(out, name, "histogram", "The parts of a request.");
    pool_wait_.write(out, name.c_str(), "phase=\"pool_wait\"");
    dns_.write(out, name.c_str(), "phase=\"dns\"");
    connect_.write(out, name.c_str(), "phase=\"connect\"");
    tls_.write(out, name.c_str(), "phase=\"tls\"");
    first_byte_.write(out, name.c_str(), "phase=\"first_byte\"");
}

void write_metrics(std::ostream& out, const client_counters& now) {
    write_one(out, "connections_in_use", "gauge", "Connections that carry a request or are being opened.",
              now.connections_in_use);
    write_one(out, "connections_idle", "gauge", "Connections that are kept.", now.connections_idle);
    write_one(out, "requests_waiting", "gauge", "Requests that wait for a connection.", now.waiting);
}

} // namespace tandem::http
