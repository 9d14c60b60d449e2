// Interceptors: their order, what they may do, streams, time, cancellation.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/http/stub_site.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/response_builder.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using http::client_options;
using scripted::answering;
using scripted::field_of;
using scripted::ok;
using tests::answer;

namespace {

// Writes its name down before and after.
auto noting(std::vector<std::string>& notes, std::string name) {
    return [&notes, name](http::request what, http::next rest) -> task<answer> {
        notes.push_back("> " + name);
        what.header("X-Way", name);
        answer got = co_await rest.send(std::move(what));
        notes.push_back("< " + name);
        co_return got;
    };
}

// Serves both kinds.
class stamping final : public http::interceptor {
public:
    task<answer> send(http::request what, http::next rest) override {
        what.set_header("X-Stamp", "whole");
        return rest.send(std::move(what));
    }
    task<http::result<http::response_stream>> open(http::request what, http::next rest) override {
        what.set_header("X-Stamp", "stream");
        auto got = co_await rest.open(std::move(what));
        if (got) got->keep(token);
        co_return got;
    }
    std::shared_ptr<int> token = std::make_shared<int>(1);
};

} // namespace

TEST_CASE("interceptors stand around a request in the order in which they were added") {
    answering server([](const std::string& request) { return ok(field_of(request, "X-Way")); });
    std::vector<std::string> notes;
    auto work = [&]() -> task<> {
        http::client web(client_options().intercept(noting(notes, "a")).intercept(noting(notes, "b")));
        const http::response whole = co_await web.get(server.url());
        CHECK(whole.body() == "a");
        CHECK(notes == std::vector<std::string>{"> a", "> b", "< b", "< a"});
        const answer second = co_await web.try_post(server.url(), "text", "text/plain");
        REQUIRE(second);
        CHECK(notes.size() == 8);
    };
    scripted::run(work());
    CHECK(server.requests().at(0).find("X-Way: a\r\nX-Way: b\r\n") != std::string::npos);
    CHECK(server.requests().at(1).starts_with("POST "));
}

TEST_CASE("an interceptor answers by itself, and the others see that") {
    std::vector<std::string> notes;
    test::run([&]() -> task<> {
        auto site = tests::site_of([](const http::request& what, int) {
            return answer(tests::reply(what, 418).header("X-A", "1").body("tea").build());
        });
        http::client web(client_options().intercept(noting(notes, "a")).intercept(site));
        const http::response r = co_await web.get("http://nowhere.invalid/x");
        CHECK(r.status() == 418);
        CHECK(r.body() == "tea");
        CHECK(r.headers().get("x-a") == "1");
        CHECK(r.url().href() == "http://nowhere.invalid/x");
        CHECK(notes.size() == 2);
        CHECK(web.counters().requests == 0);
        REQUIRE(site->seen.size() == 1);
        CHECK(site->seen.front().headers().get("X-Way") == "a");
    });
}

TEST_CASE("an interceptor may call the rest twice, one after the other or beside each other") {
    answering server([](const std::string& request) { return ok(scripted::target_of(request)); });
    auto work = [&]() -> task<> {
        auto twice = [](http::request what, http::next rest) -> task<answer> {
            http::request copy = what;
            const answer first = co_await rest.send(std::move(copy));
            CHECK(first.has_value());
            co_return co_await rest.send(std::move(what));
        };
        auto race = [](http::request what, http::next rest) -> task<answer> {
            http::request copy = what;
            auto one = rest.send(std::move(copy));
            auto other = rest.send(std::move(what));
            auto won = co_await when_any(std::move(one), std::move(other));
            if (won.index() == 0) co_return std::move(won.get<0>()).value();
            co_return std::move(won.get<1>()).value();
        };
        http::client a(client_options().intercept(twice));
        const http::response r = co_await a.get(server.url("/twice"));
        CHECK(r.body() == "/twice");
        CHECK(a.counters().requests == 2);
        http::client b(client_options().intercept(race));
        const http::response won = co_await b.get(server.url("/race"));
        CHECK(won.body() == "/race");
        CHECK(b.counters().requests == 2);
        CHECK(b.counters().connections_in_use == 0);
    };
    scripted::run(work());
}

TEST_CASE("errors pass through interceptors, and what they throw leaves the call") {
    test::run([]() -> task<> {
        auto failing =
            tests::site_of([](const http::request& what, int) { return answer(tests::refused(what)); });
        http::client web(client_options().intercept(failing));
        const answer got = co_await web.try_head("http://a.invalid/");
        REQUIRE_FALSE(got);
        CHECK(got.error().is_connect());
        CHECK(got.error().method() == "HEAD");
        const std::string text = co_await tests::message_of(web.get("http://a.invalid/"));
        CHECK(text == "GET http://a.invalid/: connect: refused");
        auto throwing = [](http::request, http::next) -> task<answer> {
            throw std::runtime_error("own");
            co_return answer(http::response());
        };
        http::client other(client_options().intercept(throwing));
        const std::string thrown = co_await tests::message_of(other.try_get("http://a.invalid/"));
        CHECK(thrown == "own");
    });
}

TEST_CASE("a function is not asked for streams, a class is") {
    answering server([](const std::string& request) {
        return ok(field_of(request, "X-Stamp") + field_of(request, "X-Way"));
    });
    std::vector<std::string> notes;
    auto work = [&]() -> task<> {
        auto stamp = std::make_shared<stamping>();
        http::client web(client_options().intercept(noting(notes, "f")).intercept(stamp));
        {
            http::response_stream stream = co_await web.open(http::request(server.url()));
            CHECK(stamp->token.use_count() == 2);
            const std::string body = co_await stream.read_all();
            CHECK(body == "stream-");
        }
        CHECK(stamp->token.use_count() == 1);
        CHECK(notes.empty());
        const http::response whole = co_await web.get(server.url());
        CHECK(whole.body() == "wholef");
    };
    scripted::run(work());
}

TEST_CASE("the total time of a call holds for all that interceptors do") {
    scripted::server silent([](scripted::peer& p, int) { p.wait_closed(); });
    auto work = [&]() -> task<> {
        scheduler::clock::time_point end;
        scheduler::clock::time_point begun;
        auto slow = [&](http::request what, http::next rest) -> task<answer> {
            end = rest.deadline();
            begun = rest.begun();
            what.timeout(1h); // more than there is
            co_return co_await rest.send(std::move(what));
        };
        http::client web(client_options().intercept(slow).total_timeout(100ms));
        const answer got = co_await web.try_get(silent.url());
        REQUIRE_FALSE(got);
        CHECK(got.error().is_timeout());
        CHECK(end - begun == 100ms);
        CHECK(got.error().elapsed() >= 100ms);
        const answer shorter = co_await web.try_send(http::request(silent.url()).timeout(20ms));
        CHECK(end - begun == 20ms);
        REQUIRE_FALSE(shorter);
        CHECK(shorter.error().is_timeout());
    };
    scripted::run(work());
}

TEST_CASE("without a limit there is no deadline") {
    test::run([]() -> task<> {
        auto site =
            tests::site_of([](const http::request& what, int) { return answer(tests::reply(what).build()); });
        http::client web(client_options().intercept(site));
        const http::response r = co_await web.get("http://a.invalid/");
        CHECK(r.ok());
        CHECK(site->deadlines.front() == scheduler::clock::time_point::max());
    });
}

TEST_CASE("options refuse interceptors that are none") {
    client_options options;
    CHECK_THROWS_AS(options.intercept(std::shared_ptr<http::interceptor>()), std::invalid_argument);
    CHECK_THROWS_AS(options.intercept(std::function<task<answer>(http::request, http::next)>()),
                    std::invalid_argument);
    CHECK_THROWS_AS(options.on_event(nullptr), std::invalid_argument);
    CHECK(options.interceptors().empty());
}

TEST_CASE("a request through interceptors can be cancelled anywhere") {
    answering server([](const std::string& request) { return ok(field_of(request, "X-Way")); });
    auto work = [&]() -> task<> {
        std::vector<std::string> notes;
        http::client web(client_options().intercept(noting(notes, "a")).connections_per_host(1));
        auto scenario = [&]() -> task<> {
            const http::response r = co_await web.get(server.url());
            CHECK(r.body() == "a");
            http::response_stream stream = co_await web.open(http::request(server.url()));
            const std::string body = co_await stream.read_all();
            CHECK(body == "-");
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 5);
        co_await scenario();
    };
    tests::run_on_loop(work());
}
