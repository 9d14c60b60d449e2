// client_metrics: what clients do, as counters and histograms for /metrics (Prometheus' text format 0.0.4).
//
//     auto metrics = std::make_shared<http::client_metrics>();
//     http::client web(http::client_options().on_event(
//         [metrics](const http::request_event& e) { metrics->record(e); }));
//     ...
//     metrics->write(out);                          // in the handler of /metrics
//     http::write_metrics(out, web.counters());     // and the connections of one client, on its loop
//
// No label has a URL or a host: their number is not bounded.
#pragma once

#include <tandem/http/request_event.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>

namespace tandem::http {

class client_counters; // <tandem/http/client.hpp>

/// A histogram of durations with the buckets that OpenTelemetry recommends for HTTP. Thread-safe.
class duration_histogram {
public:
    static constexpr std::size_t buckets = 14; // and +Inf

    void record(std::chrono::nanoseconds length) noexcept;
    [[nodiscard]] std::uint64_t count() const noexcept;
    /// `labels` is empty, or `name="value"`; written as it is.
    void write(std::ostream& out, const char* name, const char* labels = "") const;

private:
    std::array<std::atomic<std::uint64_t>, buckets + 1> counts_{};
    std::atomic<std::uint64_t> sum_{0}; // nanoseconds
};

/// Thread-safe; clients of several loops may share it. Some atomic additions for each event.
///
/// tandem_http_client_requests_total{method,code_class}, ..._request_errors_total{phase},
/// ..._requests_abandoned_total, ..._requests_in_flight, ..._request_duration_seconds,
/// ..._phase_duration_seconds{phase} (pool_wait, dns, connect, tls, first_byte), ..._retries_total,
/// ..._repeats_total, ..._redirects_total, ..._cache_hits_total, ..._connections_opened_total,
/// ..._connections_reused_total.
class client_metrics {
public:
    client_metrics() noexcept {}
    client_metrics(const client_metrics&) = delete;
    client_metrics& operator=(const client_metrics&) = delete;

    void record(const request_event& e) noexcept;
    void write(std::ostream& out) const;

private:
    using counter = std::atomic<std::uint64_t>;
    static constexpr std::size_t methods = 10; // those of http::method, and all others
    static constexpr std::size_t classes = 5;  // 1xx to 5xx
    static constexpr std::size_t phases = 16;  // of request_phase, with room

    std::array<std::array<counter, classes>, methods> requests_{};
    std::array<counter, phases> errors_{};
    counter started_{0};
    counter finished_{0};
    counter failed_{0};
    counter abandoned_{0};
    counter retries_{0};
    counter repeats_{0};
    counter redirects_{0};
    counter cache_hits_{0};
    counter opened_{0};
    counter reused_{0};
    duration_histogram total_;
    duration_histogram pool_wait_;
    duration_histogram dns_;
    duration_histogram connect_;
    duration_histogram tls_;
    duration_histogram first_byte_;
};

/// The gauges of one client: ..._connections_in_use, ..._connections_idle, ..._requests_waiting.
void write_metrics(std::ostream& out, const client_counters& now);

} // namespace tandem::http
