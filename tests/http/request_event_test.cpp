// What observers are told of a request, in order, whatever becomes of it.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/http/stub_site.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/request_event.hpp>
#include <tandem/http/retry.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using http::client_options;
using http::request_event;
using kind = http::request_event::kind;
using scripted::answering;
using scripted::ok;

namespace {

class log_of_events {
public:
    client_options options() {
        return client_options().on_event([this](const request_event& e) {
            kinds += std::string(to_string(e.what())) + ' ';
            last_status = e.status();
            last_id = e.id();
            last_url = e.url().empty() ? std::string() : e.url().href();
            durations[e.what()] = e.duration();
            if (e.failure()) failure = e.failure()->message();
        });
    }
    std::string take() { return std::exchange(kinds, std::string()); }

    std::string kinds;
    std::string last_url;
    std::string failure;
    int last_status = 0;
    std::uint64_t last_id = 0;
    std::map<kind, std::chrono::nanoseconds> durations;
};

} // namespace

TEST_CASE("observers are told of each step, redirects and kept connections included") {
    answering server([](const std::string& request) {
        if (scripted::target_of(request) == "/from")
            return std::string("HTTP/1.1 302 There\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
        return ok("x");
    });
    auto work = [&]() -> task<> {
        log_of_events log;
        http::client web(log.options());
        co_await web.get(server.url("/from"));
        CHECK(log.take() == "started queued connected answered redirected queued reused answered finished ");
        CHECK(log.last_status == 200);
        CHECK(log.last_url == server.url("/to"));
        CHECK(log.last_id == 1);
        CHECK(log.durations[kind::finished] >= log.durations[kind::answered]);
        CHECK(log.durations[kind::answered] > 0ns);
        co_await web.get(server.url("/to"));
        CHECK(log.take() == "started queued reused answered finished ");
        CHECK(log.last_id == 2);
        auto stream = co_await web.open(http::request(server.url("/to")));
        CHECK(log.take() == "started queued reused answered ");
        const std::string body = co_await stream.read_all();
        CHECK(body == "x");
        CHECK(log.take() == "finished ");
    };
    scripted::run(work());
}

TEST_CASE("observers are told how a request fails") {
    scripted::server broken([](scripted::peer& p, int) {
        if (!p.read_request().empty()) p.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    });
    auto work = [&]() -> task<> {
        log_of_events log;
        http::client web(log.options());
        const auto bad = co_await web.try_get("nonsense");
        CHECK_FALSE(bad.has_value());
        CHECK(log.take() == "started failed ");
        const auto cut = co_await web.try_get(broken.url());
        REQUIRE_FALSE(cut.has_value());
        CHECK(log.take() == "started queued connected answered failed ");
        CHECK(log.failure == cut.error().message());
        CHECK(cut.error().is_protocol());
    };
    scripted::run(work());
}

TEST_CASE("a kept connection that was closed is told") {
    scripted::server closing([](scripted::peer& p, int number) {
        if (p.read_request().empty()) return;
        p.send(ok("x"));
        if (number == 0)
            p.read_request(); // and answers no more
        else
            p.wait_closed();
    });
    auto work = [&]() -> task<> {
        log_of_events log;
        http::client web(log.options());
        co_await web.get(closing.url());
        log.take();
        co_await web.get(closing.url());
        CHECK(log.take() == "started queued reused repeated connected answered finished ");
    };
    scripted::run(work());
}

TEST_CASE("a stream that is given up, and a request that is cancelled, were abandoned") {
    answering server([](const std::string&) { return ok(std::string(100, 'x')); });
    auto work = [&]() -> task<> {
        log_of_events log;
        http::client web(log.options());
        {
            auto stream = co_await web.open(http::request(server.url()));
            const std::string_view piece = co_await stream.read_some();
            CHECK_FALSE(piece.empty());
        }
        CHECK(log.take() == "started queued connected answered abandoned ");
        auto scenario = [&]() -> task<> { co_await web.get(server.url()); };
        auto after = [&](test::ending) {
            const std::string told = log.take();
            if (told.empty()) return; // cancelled before it began
            CHECK(told.starts_with("started "));
            const bool finished = told.ends_with("finished ");
            CHECK((finished || told.ends_with("abandoned ")));
        };
        co_await test::cancel_everywhere(scenario, after);
    };
    tests::run_on_loop(work());
}

TEST_CASE("observers are told of retries") {
    log_of_events log;
    test::run([&]() -> task<> {
        auto site = tests::site_of([](const http::request& what, int number) {
            return tests::answer(tests::reply(what, number < 2 ? 503 : 200).build());
        });
        http::client web(log.options().retry(http::retry_options()).intercept(site));
        const http::response r = co_await web.get("http://a.invalid/x");
        CHECK(r.ok());
        CHECK(log.take() == "retrying ");
        CHECK(log.last_status == 503);
        CHECK(log.last_url == "http://a.invalid/x");
    });
}
