// The circuit breaker around requests: what counts, what it answers, origins, cancellation. In virtual time.
#include "tests/support/catch.hpp"

#include "lib/http/origin_map.hpp"
#include "tests/http/stub_site.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/http/circuit_breaker.hpp>
#include <tandem/http/client.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using http::circuit_breaker;
using http::circuit_breaker_options;
using http::circuit_state;
using http::client_options;
using http::request_phase;
using tests::answer;
using tests::refused;
using tests::reply;

namespace {

const std::string site_a = "http://a.invalid/x";
const std::string site_b = "http://b.invalid/x";

circuit_breaker_options options() {
    return circuit_breaker_options().window(4).minimum_calls(2).open_for(10s);
}

url parsed(const std::string& text) {
    return *url::parse(text);
}

} // namespace

TEST_CASE("circuit breaker: opens, fails at once, probes, closes, and tells of it") {
    test::run([]() -> task<> {
        bool broken = true;
        std::string changes;
        auto site = tests::site_of([&](const http::request& what, int) {
            return broken ? answer(refused(what)) : answer(reply(what).build());
        });
        auto breaker = std::make_shared<circuit_breaker>(
            options().on_change([&](std::string_view origin, circuit_state from, circuit_state to) {
                changes += std::string(origin) + ": " + std::string(to_string(from)) + " > " +
                           std::string(to_string(to)) + "\n";
            }));
        http::client web(client_options().intercept(breaker).intercept(site));
        for (int i = 0; i < 2; ++i) {
            const answer got = co_await web.try_get(site_a);
            CHECK_FALSE(got.has_value());
        }
        CHECK(breaker->state(parsed(site_a)) == circuit_state::open);
        const answer held = co_await web.try_get(site_a);
        REQUIRE_FALSE(held.has_value());
        CHECK(held.error().code() == make_error_code(http::errc::circuit_open));
        CHECK(held.error().phase() == request_phase::intercept);
        CHECK(
            held.error().message() ==
            "GET http://a.invalid/x: held back: the circuit of http://a.invalid is open: 2 of 2 requests had "
            "failed");
        CHECK(site->seen.size() == 2);

        co_await sleep_for(10s);
        const answer probe = co_await web.try_get(site_a); // fails
        CHECK_FALSE(probe.has_value());
        CHECK(site->seen.size() == 3);
        CHECK(breaker->state(parsed(site_a)) == circuit_state::open);
        broken = false;
        co_await sleep_for(10s);
        const answer good = co_await web.try_get(site_a);
        CHECK(good.has_value());
        CHECK(breaker->state(parsed(site_a)) == circuit_state::closed);
        const std::string half = "http://a.invalid: open > half-open\n";
        CHECK(changes == "http://a.invalid: closed > open\n" + half + "http://a.invalid: half-open > open\n" +
                             half + "http://a.invalid: half-open > closed\n");
    });
}

TEST_CASE("circuit breaker: each origin by itself") {
    test::run([]() -> task<> {
        auto site = tests::site_of([](const http::request& what, int) {
            return what.url().host() == "a.invalid" ? answer(refused(what)) : answer(reply(what).build());
        });
        auto breaker = std::make_shared<circuit_breaker>(options());
        http::client web(client_options().intercept(breaker).intercept(site));
        for (int i = 0; i < 5; ++i) {
            const answer a = co_await web.try_get(site_a);
            const answer b = co_await web.try_get(site_b);
            CHECK_FALSE(a.has_value());
            CHECK(b.has_value());
        }
        CHECK(site->seen.size() == 7);
        CHECK(breaker->state(parsed(site_b)) == circuit_state::closed);
        CHECK(breaker->state(parsed("https://a.invalid/")) == circuit_state::closed);
    });
}

TEST_CASE("circuit breaker: which answers and errors count") {
    const auto state_after = [](std::function<answer(const http::request&, int)> give,
                                circuit_breaker_options how = options()) {
        return test::run([&]() -> task<circuit_state> {
            auto site = tests::site_of(give);
            auto breaker = std::make_shared<circuit_breaker>(how);
            http::client web(client_options().intercept(breaker).intercept(site));
            for (int i = 0; i < 4; ++i)
                static_cast<void>(co_await web.try_get(site_a));
            co_return breaker->state(parsed(site_a));
        });
    };
    const auto status = [](int code) {
        return [code](const http::request& what, int) { return answer(reply(what, code).build()); };
    };
    const auto phase = [](request_phase p) {
        return [p](const http::request& what, int) { return answer(refused(what, p)); };
    };
    for (const int code : {500, 502, 503, 504})
        CHECK(state_after(status(code)) == circuit_state::open);
    for (const int code : {200, 304, 404, 429, 501})
        CHECK(state_after(status(code)) == circuit_state::closed);
    CHECK(state_after(status(404), options().statuses(std::vector<int>(1, 404))) == circuit_state::open);
    for (const auto p : {request_phase::resolve, request_phase::connect, request_phase::tls,
                         request_phase::send, request_phase::response_head, request_phase::body})
        CHECK(state_after(phase(p)) == circuit_state::open);
    for (const auto p : {request_phase::url, request_phase::pool_wait, request_phase::redirect,
                         request_phase::limit, request_phase::intercept})
        CHECK(state_after(phase(p)) == circuit_state::closed);
}

TEST_CASE("circuit breaker: streams") {
    test::run([]() -> task<> {
        auto site =
            tests::site_of([](const http::request& what, int) { return answer(reply(what, 503).build()); });
        auto breaker = std::make_shared<circuit_breaker>(options());
        http::client web(client_options().intercept(breaker).intercept(site));
        for (int i = 0; i < 4; ++i)
            static_cast<void>(co_await web.try_open(http::request(site_a)));
        CHECK(site->seen.size() == 2);
        CHECK(breaker->state(parsed(site_a)) == circuit_state::open);
    });
}

TEST_CASE("circuit breaker: a probe that is cancelled anywhere leaves its place to the next") {
    test::run([]() -> task<> {
        bool broken = true;
        auto site = tests::site([&](const http::request& what, int) -> task<answer> {
            co_await tests::turns(2);
            co_return broken ? answer(refused(what)) : answer(reply(what).build());
        });
        auto breaker = std::make_shared<circuit_breaker>(options().open_for(0s)); // the next is the probe
        http::client web(client_options().intercept(breaker).intercept(site));
        std::size_t probes = 0;
        auto scenario = [&]() -> task<> {
            broken = true;
            while (breaker->state(parsed(site_a)) == circuit_state::closed)
                static_cast<void>(co_await web.try_get(site_a));
            broken = false;
            const answer got = co_await web.try_get(site_a); // the probe
            CHECK(got.has_value());
            ++probes;
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 5);
        CHECK(probes > 0);
        co_await scenario(); // also after all of those: a place that was lost would keep it half-open for
                             // good
        CHECK(breaker->state(parsed(site_a)) == circuit_state::closed);
    });
}

TEST_CASE("circuit breaker: what is remembered is bounded") {
    http::origin_map<int> map(3);
    const auto make = [] { return std::make_shared<int>(1); };
    const auto held = map.at("a", make);
    for (const char* const name : {"b", "c", "d", "e"})
        static_cast<void>(map.at(name, make));
    CHECK(map.size() == 3);
    CHECK(map.find("a") == held); // in use
    CHECK(map.find("b") == nullptr);
    CHECK(map.find("e") != nullptr);
    static_cast<void>(map.at("d", make)); // asked for again
    static_cast<void>(map.at("f", make));
    CHECK(map.find("d") != nullptr);
    CHECK(map.find("e") == nullptr);
}
