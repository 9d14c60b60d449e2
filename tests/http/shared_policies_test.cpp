// Interceptors that clients of two loops share: retry, breaker, limiter, cache, metrics. For ThreadSanitizer.
#include "tests/support/catch.hpp"

#include "tests/http/stub_site.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/http/cache.hpp>
#include <tandem/http/circuit_breaker.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/client_metrics.hpp>
#include <tandem/http/concurrency_limiter.hpp>
#include <tandem/http/retry.hpp>
#include <tandem/http/trace_context.hpp>

#include <chrono>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using http::client_options;
using tests::answer;
using tests::reply;

TEST_CASE("clients of two loops may share all of these") {
    auto metrics = std::make_shared<http::client_metrics>();
    auto cache = std::make_shared<http::cache>();
    auto breaker = std::make_shared<http::circuit_breaker>(http::circuit_breaker_options().open_for(1ns));
    auto limiter =
        std::make_shared<http::concurrency_limiter>(http::concurrency_limiter_options().limit(4, 2, 8));
    const client_options shared =
        client_options()
            .on_event([metrics](const http::request_event& e) { metrics->record(e); })
            .intercept(cache)
            .retry(http::retry_options().initial_delay(0ns).max_delay(0ns))
            .intercept(breaker)
            .intercept(limiter)
            .intercept(std::make_shared<http::trace_propagation>());
    runtime rt(tests::loops(2));
    auto worker = [&]() -> task<> {
        // The site belongs to this loop.
        auto site = tests::site([](const http::request& what, int number) -> task<answer> {
            co_await yield();
            if (number % 7 == 0) co_return answer(tests::refused(what));
            co_return answer(reply(what, number % 5 == 0 ? 503 : 200)
                                 .header("Cache-Control", "max-age=60")
                                 .header("ETag", "\"v\"")
                                 .build());
        });
        http::client web(client_options(shared).intercept(site));
        std::vector<int> numbers(300);
        for (std::size_t i = 0; i < numbers.size(); ++i)
            numbers[i] = static_cast<int>(i);
        auto one = [&web](int i) -> task<> {
            const std::string where =
                "http://" + std::string(i % 2 ? "a" : "b") + ".invalid/" + std::to_string(i % 40);
            auto what = http::request(where);
            if (i % 11 == 0) what.method(http::method::delete_);
            static_cast<void>(co_await web.try_send(std::move(what)));
        };
        co_await concurrent_for_each(numbers, 30, one);
    };
    auto all = [&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(0), std::ref(worker));
            group.spawn_on(rt.loop(1), std::ref(worker));
            co_return;
        });
    };
    rt.run(all());
    for (const char* const host : {"http://a.invalid/", "http://b.invalid/"}) {
        const url where = *url::parse(host);
        CHECK(limiter->in_flight(where) == 0);
        CHECK(limiter->waiting(where) == 0);
        CHECK(limiter->limit(where) >= 2);
        CHECK(limiter->limit(where) <= 8);
    }
    CHECK(cache->counters().hits > 0);
    CHECK(cache->counters().store_errors == 0);
    std::ostringstream page;
    metrics->write(page);
    CHECK(page.str().find("tandem_http_client_cache_hits_total " + std::to_string(cache->counters().hits)) !=
          std::string::npos);
}
