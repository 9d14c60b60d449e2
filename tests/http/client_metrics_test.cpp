// Metrics in Prometheus' text format: names, labels, histograms, and the counting of real requests.
#include "tandem/http/client_metrics.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"

#include <tandem/http/client.hpp>

#include <chrono>
#include <locale>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using kind = http::request_event::kind;

namespace {

std::string text_of(const http::client_metrics& metrics) {
    std::ostringstream out;
    metrics.write(out);
    return out.str();
}

bool has_line(const std::string& text, const std::string& line) {
    return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

class thousands : public std::numpunct<char> {
    char do_thousands_sep() const override { return '\''; }
    std::string do_grouping() const override { return "\3"; }
};

} // namespace

TEST_CASE("metrics: a histogram has cumulative buckets, a sum and a count") {
    http::duration_histogram h;
    for (const auto length : {0ns, std::chrono::nanoseconds(5ms), std::chrono::nanoseconds(5ms) + 1ns,
                              std::chrono::nanoseconds(1s), std::chrono::nanoseconds(11s), -1ns})
        h.record(length);
    std::ostringstream out;
    h.write(out, "x", "a=\"b\"");
    const std::string text = out.str();
    CHECK(has_line(text, "x_bucket{a=\"b\",le=\"0.005\"} 3"));
    CHECK(has_line(text, "x_bucket{a=\"b\",le=\"0.01\"} 4"));
    CHECK(has_line(text, "x_bucket{a=\"b\",le=\"0.75\"} 4"));
    CHECK(has_line(text, "x_bucket{a=\"b\",le=\"1\"} 5"));
    CHECK(has_line(text, "x_bucket{a=\"b\",le=\"10\"} 5"));
    CHECK(has_line(text, "x_bucket{a=\"b\",le=\"+Inf\"} 6"));
    CHECK(has_line(text, "x_sum{a=\"b\"} 12.010000001"));
    CHECK(has_line(text, "x_count{a=\"b\"} 6"));
}

TEST_CASE("metrics: what requests did") {
    scripted::answering server([](const std::string& request) {
        if (scripted::target_of(request) == "/from")
            return std::string("HTTP/1.1 302 There\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
        if (scripted::target_of(request) == "/no")
            return std::string("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
        return scripted::ok("x");
    });
    auto metrics = std::make_shared<http::client_metrics>();
    std::ostringstream gauges;
    auto work = [&]() -> task<> {
        http::client web(
            http::client_options().on_event([metrics](const http::request_event& e) { metrics->record(e); }));
        co_await web.get(server.url("/from"));
        co_await web.get(server.url("/no"));
        co_await web.post(server.url("/to"), "x", "text/plain");
        co_await web.send(http::request(server.url("/to")).method("PURGE"));
        static_cast<void>(co_await web.try_get("nonsense"));
        const auto stream = co_await web.open(http::request(server.url("/to")));
        CHECK(has_line(text_of(*metrics), "tandem_http_client_requests_in_flight 1"));
        http::write_metrics(gauges, web.counters());
    };
    scripted::run(work());
    const std::string text = text_of(*metrics);
    for (const char* const line :
         {"tandem_http_client_requests_total{method=\"GET\",code_class=\"2xx\"} 1",
          "tandem_http_client_requests_total{method=\"GET\",code_class=\"4xx\"} 1",
          "tandem_http_client_requests_total{method=\"POST\",code_class=\"2xx\"} 1",
          "tandem_http_client_requests_total{method=\"other\",code_class=\"2xx\"} 1",
          "tandem_http_client_request_errors_total{phase=\"url\"} 1",
          "tandem_http_client_requests_in_flight 0", "tandem_http_client_requests_abandoned_total 1",
          "tandem_http_client_redirects_total 1", "tandem_http_client_connections_opened_total 1",
          "tandem_http_client_connections_reused_total 5",
          "tandem_http_client_request_duration_seconds_count 4",
          "tandem_http_client_phase_duration_seconds_count{phase=\"first_byte\"} 6",
          "tandem_http_client_phase_duration_seconds_count{phase=\"connect\"} 1",
          "tandem_http_client_phase_duration_seconds_count{phase=\"tls\"} 0",
          "# TYPE tandem_http_client_request_duration_seconds histogram",
          "# TYPE tandem_http_client_requests_total counter"}) {
        INFO(line);
        CHECK(has_line(text, line));
    }
    CHECK(text.find("127.0.0.1") == std::string::npos);
    CHECK(has_line(gauges.str(), "tandem_http_client_connections_in_use 1"));
    CHECK(has_line(gauges.str(), "tandem_http_client_connections_idle 0"));
}

TEST_CASE("metrics: the stream's locale does not matter, and threads may share them") {
    http::client_metrics metrics;
    const url where = *url::parse("http://a/");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                metrics.record(http::request_event(kind::started, 1, "GET", where));
                http::request_event end(kind::finished, 1, "GET", where);
                metrics.record(end.status(200).duration(1ms));
            }
        });
    for (auto& t : threads)
        t.join();
    std::ostringstream out;
    out.imbue(std::locale(out.getloc(), new thousands));
    metrics.write(out);
    CHECK(has_line(out.str(), "tandem_http_client_requests_total{method=\"GET\",code_class=\"2xx\"} 4000"));
    CHECK(has_line(out.str(), "tandem_http_client_request_duration_seconds_sum 4.000000000"));
}
