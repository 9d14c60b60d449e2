// What stands around aiohttp's requests: middlewares, trace configs, and packages for retries and caching.
#include "expect.hpp"

#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace http = tandem::http;
using namespace std::chrono_literals;

int busy = 0; // so many requests are still refused
int ticks = 0;

// The site that the sections talk to.
tandem::task<http::server_response> handle(http::server_request request) {
    if (request.path() == "/busy" && busy-- > 0)
        co_return http::server_response(503).header("Retry-After", "0");
    if (request.path() == "/daily")
        co_return http::server_response::text("news").header("Cache-Control", "max-age=86400");
    if (request.path() == "/ticker")
        co_return http::server_response::text(std::to_string(++ticks))
            .header("Cache-Control", "max-age=0, stale-while-revalidate=60");
    co_return http::server_response::text(std::string(request.headers().get("X-Id").value_or("none")));
}

// Python:  async def stamp(req, handler):
//              req.headers["X-Id"] = "42"
//              response = await handler(req)
//              statuses.append(response.status)
//              return response
//          async with aiohttp.ClientSession(middlewares=(stamp,)) as session:
tandem::task<> middlewares(std::string site) {
    std::vector<int> statuses;
    auto stamp = [&](http::request what, http::next rest) -> tandem::task<http::result<http::response>> {
        what.set_header("X-Id", "42");
        auto got = co_await rest.send(std::move(what));
        if (got) statuses.push_back(got->status());
        co_return got;
    };
    http::client session(http::client_options().intercept(stamp));
    const auto page = co_await session.get(site + "/echo");
    expect(page.body() == "42" && statuses == std::vector<int>(1, 200));
}

// Python:  trace = aiohttp.TraceConfig()
//          trace.on_request_start.append(started)
//          trace.on_request_end.append(ended)
//          async with aiohttp.ClientSession(trace_configs=[trace]) as session:
tandem::task<> trace_configs(std::string site) {
    std::string steps;
    auto note = [&](const http::request_event& e) { steps += std::string(to_string(e.what())) + ' '; };
    http::client session(http::client_options().on_event(note));
    co_await session.get(site + "/echo");
    expect(steps == "started queued connected answered finished ");
}

// Python:  RetryClient(retry_options=ExponentialRetry(attempts=3))          # aiohttp-retry
tandem::task<> retries(std::string site) {
    http::client session(http::client_options().retry(http::retry_options().attempts(3).initial_delay(1ms)));
    busy = 2;
    const auto page = co_await session.get(site + "/busy");
    expect(page.ok());
    busy = 9;
    const auto refused = co_await session.get(site + "/busy");
    expect(refused.status() == 503 && busy == 6); // three attempts, then the last answer
    busy = 0;
}

// Python:  pybreaker.CircuitBreaker(fail_max=...).call_async(session.get, url)
tandem::task<> breaker(std::string site) {
    auto breaker = std::make_shared<http::circuit_breaker>();
    auto limiter = std::make_shared<http::concurrency_limiter>();
    http::client session(http::client_options().intercept(breaker).intercept(limiter));
    busy = 100;
    for (int i = 0; i < 20; ++i)
        co_await session.try_get(site + "/busy");
    const auto refused = co_await session.try_get(site + "/busy");
    expect(!refused && refused.error().code() == http::errc::circuit_open && busy > 80);
    busy = 0;
}

// Python:  CachedSession(cache=SQLiteBackend("cache.db"))                    # aiohttp-client-cache
tandem::task<> caching(std::string site) {
    const std::string path = "/tmp/tandem-cache-" + std::to_string(::getpid()) + ".db";
    {
        auto store = std::make_shared<http::sqlite_cache_store>(path); // or no store: in memory, 64 MiB
        auto cache = std::make_shared<http::cache>(store);
        http::client session(http::client_options().intercept(cache));
        co_await session.get(site + "/daily");
        const auto again = co_await session.get(site + "/daily");
        expect(again.body() == "news" && again.headers().contains("Age"));
        expect(session.counters().requests == 1 && cache->counters().hits == 1);
    }
    for (const char* const part : {"", "-wal", "-shm"})
        std::remove((path + part).c_str());
}

// Python:  requests_cache.CachedSession(stale_while_revalidate=60)
tandem::task<> stale_while_revalidate(std::string site) {
    auto cache = std::make_shared<http::cache>();
    http::client session(http::client_options().intercept(cache));
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn([&] { return cache->revalidate(session); });
        const auto first = co_await session.get(site + "/ticker");
        const auto second = co_await session.get(site + "/ticker"); // at once, while it is asked for again
        expect(second.body() == first.body() && cache->counters().stale == 1);
        group.cancel();
    });
}

// Python:  REQUESTS = prometheus_client.Counter(...), kept by a trace config
tandem::task<> metrics(std::string site) {
    auto counts = std::make_shared<http::client_metrics>();
    auto record = [counts](const http::request_event& e) { counts->record(e); };
    http::client session(http::client_options().on_event(record));
    co_await session.get(site + "/echo");
    std::ostringstream page;
    counts->write(page);                           // Prometheus' text format, for /metrics
    http::write_metrics(page, session.counters()); // and the connections of one client
    expect(page.str().find("tandem_http_client_requests_total{method=\"GET\",code_class=\"2xx\"} 1\n") !=
           std::string::npos);
}

tandem::task<> serve() {
    http::server site(http::server_options().port(0).drain_timeout(100ms), handle);
    site.listen();
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&http::server::serve, &site);
        co_await middlewares(site.url());
        co_await trace_configs(site.url());
        co_await retries(site.url());
        co_await breaker(site.url());
        co_await caching(site.url());
        co_await stale_while_revalidate(site.url());
        co_await metrics(site.url());
        site.stop();
    });
}

int main() {
    return tandem::run(serve);
}
