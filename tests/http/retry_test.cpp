// The retry policy: what is repeated, when, and how often. In virtual time, but for the last.
#include "tests/support/catch.hpp"

#include "lib/http/http_date.hpp"
#include "lib/http/wall_clock.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/stub_site.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/retry.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using http::client_options;
using http::request_phase;
using http::retry_options;
using tests::answer;
using tests::refused;
using tests::reply;

namespace {

using answers = std::function<answer(const http::request&, int)>;

class attempted {
public:
    attempted(answer g, int n, std::chrono::nanoseconds t) : got(std::move(g)), asked(n), took(t) {}
    answer got;
    int asked;
    std::chrono::nanoseconds took;
};

// Sends one request, in virtual time.
attempted send(http::request what, const retry_options& how, const answers& give,
               const client_options& base = client_options()) {
    return test::run([&]() -> task<attempted> {
        auto site = tests::site_of(give);
        http::client web(client_options(base).retry(how).intercept(site));
        answer got = co_await web.try_send(what);
        co_return attempted(std::move(got), static_cast<int>(site->seen.size()), test::elapsed());
    });
}

http::request get() {
    return http::request("http://a.invalid/x");
}
http::request post() {
    return http::request("http://a.invalid/x").method(http::method::post).body("b", "text/plain");
}

answers status(int code) {
    return [code](const http::request& what, int) { return answer(reply(what, code).build()); };
}
answers failing(request_phase phase) {
    return [phase](const http::request& what, int) { return answer(refused(what, phase)); };
}

retry_options quick() {
    return retry_options().initial_delay(0ns).max_delay(0ns);
}

} // namespace

TEST_CASE("retry: until there is an answer, with pauses") {
    const attempted o =
        send(get(), retry_options().attempts(5).seed(1), [](const http::request& what, int number) {
            return answer(number < 4 ? answer(refused(what)) : answer(reply(what).body("at last").build()));
        });
    REQUIRE(o.got);
    CHECK(o.got->body() == "at last");
    CHECK(o.asked == 4);
    CHECK(o.took > 0ns);
    CHECK(o.took <= 100ms + 200ms + 400ms + 10ms);
}

TEST_CASE("retry: the last failure tells of the attempts and of the time") {
    const attempted o =
        send(get(), retry_options().attempts(3).seed(3), failing(request_phase::response_head));
    REQUIRE_FALSE(o.got);
    CHECK(o.asked == 3);
    CHECK(o.got.error().attempt() == 3);
    CHECK(o.got.error().elapsed() > 0ns);
    CHECK(o.got.error().elapsed() <= o.took);
    CHECK(o.got.error().message().find(" (attempt 3, after ") != std::string::npos);
}

TEST_CASE("retry: no attempt copies the body, nor does the client") {
    for (const int succeeds : {1, 3}) {
        http::request what = get();
        what.method(http::method::put).body(std::string(10'000'000, 'x'));
        const char* const bytes = what.body().data();
        int copied = 0;
        const attempted o = send(std::move(what), quick(), [&](const http::request& sent, int number) {
            if (sent.body().data() != bytes) ++copied;
            return answer(reply(sent, number < succeeds ? 503 : 200).build());
        });
        REQUIRE(o.got);
        CHECK(o.got->ok());
        CHECK(o.asked == succeeds);
        CHECK(copied == 0);
    }
}

TEST_CASE("retry: the usual statuses, and those that one asks for") {
    for (const int code : {429, 502, 503, 504}) {
        const attempted o = send(get(), quick(), status(code));
        REQUIRE(o.got);
        CHECK(o.got->status() == code);
        CHECK(o.asked == 3);
    }
    for (const int code : {200, 301, 400, 404, 500, 501})
        CHECK(send(get(), quick(), status(code)).asked == 1);
    std::vector<int> own(1, 500);
    CHECK(send(get(), quick().statuses(own), status(500)).asked == 3);
    CHECK(send(get(), quick().statuses(own), status(503)).asked == 1);
    CHECK(send(get(), quick().attempts(0), status(503)).asked == 1);
}

TEST_CASE("retry: only what may be repeated") {
    CHECK(send(get(), quick(), failing(request_phase::body)).asked == 3);
    CHECK(send(post(), quick(), failing(request_phase::body)).asked == 1);
    CHECK(send(post(), quick(), failing(request_phase::send)).asked == 1);
    CHECK(send(post(), quick(), status(503)).asked == 1);
    CHECK(send(post().header("Idempotency-Key", "k"), quick(), status(503)).asked == 3);
    CHECK(send(post(), quick().also_unsafe_methods(true), status(503)).asked == 3);
    CHECK(send(post().method(http::method::put), quick(), status(503)).asked == 3);
    CHECK(send(post().method("PURGE"), quick(), status(503)).asked == 1);
}

TEST_CASE("retry: what was never sent is repeated whatever the method") {
    for (const request_phase phase : {request_phase::resolve, request_phase::connect, request_phase::tls})
        CHECK(send(post(), quick(), failing(phase)).asked == 3);
    // A redirect has been followed: what failed is not what was asked for.
    const attempted o = send(post(), quick(), [](const http::request&, int) {
        return answer(refused(http::request("http://b.invalid/")));
    });
    CHECK(o.asked == 1);
}

TEST_CASE("retry: not what cannot pass") {
    for (const request_phase phase : {request_phase::url, request_phase::pool_wait, request_phase::redirect,
                                      request_phase::limit, request_phase::intercept})
        CHECK(send(get(), quick(), failing(phase)).asked == 1);
    const attempted o = send(get(), quick(), [](const http::request& what, int) {
        return answer(http::error(request_phase::body, make_error_code(http::errc::body_too_large), "GET",
                                  what.url().redacted(), ""));
    });
    CHECK(o.asked == 1);
    // Another opinion.
    auto never = [](const http::request&, const http::error&) { return false; };
    CHECK(send(get(), quick().when(never), failing(request_phase::connect)).asked == 1);
}

TEST_CASE("retry: not a body that can be sent only once") {
    auto pieces = []() -> async_generator<std::string> { co_yield "x"; };
    auto once = [&] {
        http::request what("http://a.invalid/x");
        what.method(http::method::put).body(http::request_body::stream_once(pieces()));
        return what;
    };
    CHECK(send(once(), quick(), status(503)).asked == 1);
    CHECK(send(once(), quick(), failing(request_phase::connect)).asked == 1);
    auto again = http::request("http://a.invalid/x").method(http::method::put);
    again.body(http::request_body::stream(pieces));
    CHECK(send(again, quick(), status(503)).asked == 3);
}

TEST_CASE("retry: at least as long as Retry-After says, in seconds") {
    auto after = [](const char* value) {
        return [value](const http::request& what, int number) {
            return answer(number > 1 ? reply(what).build()
                                     : reply(what, 503).header("Retry-After", value).build());
        };
    };
    const attempted o = send(get(), quick(), after("7"));
    CHECK(o.asked == 2);
    CHECK(o.took >= 7s);
    CHECK(o.took < 8s);
    CHECK(send(get(), quick(), after("60")).asked == 2);
    const attempted longer = send(get(), quick(), after("61"));
    CHECK(longer.asked == 1);
    CHECK(longer.got->status() == 503);
    CHECK(send(get(), quick(), after("99999999999999999999")).asked == 1);
    CHECK(send(get(), quick().max_retry_after(2min), after("61")).asked == 2);
    const attempted ignored = send(get(), quick().max_retry_after(0s), after("61"));
    CHECK(ignored.asked == 2);
    CHECK(ignored.took < 1s);
    for (const char* const nonsense : {"", "-1", "1.5", "soon", "7 s", "+7"}) {
        const attempted read = send(get(), quick(), after(nonsense));
        CHECK(read.asked == 2);
        CHECK(read.took < 1s);
    }
}

TEST_CASE("retry: Retry-After as a date, counted from the response's own") {
    auto at = [](std::chrono::seconds offset, bool with_date) {
        return [=](const http::request& what, int number) {
            if (number > 1) return answer(reply(what).build());
            // A server whose clock is an hour late says so with its Date.
            const auto skew = with_date ? -1h : 0h;
            const auto now = std::chrono::floor<std::chrono::seconds>(http::wall_now()) + skew;
            auto made = reply(what, 503);
            if (with_date) made.header("Date", http::detail::format_http_date(now));
            made.header("Retry-After", http::detail::format_http_date(now + offset));
            return answer(made.build());
        };
    };
    const attempted o = send(get(), quick(), at(20s, true));
    CHECK(o.asked == 2);
    CHECK(o.took >= 20s);
    CHECK(o.took < 21s);
    const attempted plain = send(get(), quick(), at(20s, false));
    CHECK(plain.asked == 2);
    CHECK(plain.took > 18s);
    CHECK(plain.took < 22s);
    const attempted past = send(get(), quick(), at(-20s, true));
    CHECK(past.asked == 2);
    CHECK(past.took < 1s);
    CHECK(send(get(), quick(), at(61s, true)).asked == 1);
}

TEST_CASE("retry: a Retry-After beyond every clock is too long, not over") {
    test::run([]() -> task<> {
        auto server = tests::site_of([](const http::request& what, int) {
            return answer(reply(what, 503).header("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT").build());
        });
        http::client web(client_options().retry(http::retry_options()).intercept(server));
        const auto got = co_await web.try_get("http://a.invalid/");
        REQUIRE(got);
        CHECK(got->status() == 503);
        CHECK(server->seen.size() == 1);
    });
}

TEST_CASE("retry: a Retry-After of another age is over") {
    auto long_ago = [](const http::request& what, int number) {
        if (number > 1) return answer(reply(what).build());
        return answer(reply(what, 503).header("Retry-After", "Fri, 01 Jan 1700 00:00:00 GMT").build());
    };
    const attempted o = send(get(), quick(), long_ago);
    CHECK(o.asked == 2);
    CHECK(o.took < 1s);
}

TEST_CASE("retry: never beyond the total time of the call") {
    const attempted o = send(get().timeout(5s), quick(), [](const http::request& what, int) {
        return answer(reply(what, 503).header("Retry-After", "2").build());
    });
    REQUIRE(o.got);
    CHECK(o.got->status() == 503);
    CHECK(o.asked == 3);
    const attempted cut = send(
        get(), quick().attempts(100),
        [](const http::request& what, int) {
            return answer(reply(what, 503).header("Retry-After", "2").build());
        },
        client_options().total_timeout(5s));
    CHECK(cut.asked == 3); // at 0, 2 and 4 s
    CHECK(cut.took < 5s);
}

TEST_CASE("retry: a limit for each attempt is handed on") {
    test::run([]() -> task<> {
        auto site = tests::site_of(failing(request_phase::response_head));
        http::client web(client_options().retry(quick().attempt_timeout(1s)).intercept(site));
        const answer a = co_await web.try_send(get());
        const answer b = co_await web.try_send(get().timeout(10ms));
        CHECK_FALSE((a || b));
        REQUIRE(site->seen.size() >= 4);
        CHECK(site->seen.front().timeout() == 1s);
        CHECK(site->seen.back().timeout() == 10ms);
    });
}

TEST_CASE("retry: the budget bounds what a failing server is asked") {
    test::run([]() -> task<> {
        auto site = tests::site_of(status(503));
        http::client web(client_options().retry(quick().attempts(2).budget(0.1, 5)).intercept(site));
        for (int i = 0; i < 100; ++i) {
            const answer got = co_await web.try_send(get());
            CHECK(got.has_value());
        }
        // 100 calls; 5 tokens at the begin, and one for ten calls.
        CHECK(site->seen.size() >= 114);
        CHECK(site->seen.size() <= 115);
    });
    CHECK(send(get(), quick().budget(0, 0), status(503)).asked == 1);
}

TEST_CASE("retry: streams, until their header is there") {
    scripted::answering server([](const std::string& request) {
        static_cast<void>(request);
        static int number = 0;
        return ++number < 3 ? std::string("HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nno!")
                            : scripted::ok("fine");
    });
    auto work = [&]() -> task<> {
        http::client web(client_options().retry(quick()));
        auto stream = co_await web.open(http::request(server.url()));
        CHECK(stream.status() == 200);
        const std::string body = co_await stream.read_all();
        CHECK(body == "fine");
        CHECK(web.counters().requests == 3);
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
}

TEST_CASE("retry: a connection that is reset, for real") {
    scripted::server server([](scripted::peer& p, int number) {
        const std::string request = p.read_request();
        if (request.empty()) return;
        if (number < 2) return p.reset();
        p.send(scripted::ok(scripted::body_of(request)));
        p.wait_closed();
    });
    auto work = [&]() -> task<> {
        http::client web(client_options().retry(quick()));
        const http::response r = co_await web.send(
            http::request(server.url()).method(http::method::put).body("again", "text/plain"));
        CHECK(r.body() == "again");
        CHECK(web.counters().connections_opened == 3);
    };
    scripted::run(work());
}

TEST_CASE("retry: can be cancelled anywhere, in an attempt and in a pause") {
    test::run([]() -> task<> {
        auto site = tests::site([](const http::request& what, int) -> task<answer> {
            co_await tests::turns(2);
            co_return answer(refused(what));
        });
        http::client web(client_options().retry(quick().budget(1, 1000)).intercept(site));
        auto scenario = [&]() -> task<> {
            const answer got = co_await web.try_send(get());
            CHECK_FALSE(got.has_value());
            CHECK(got.error().attempt() == 3);
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 12); // three attempts, two pauses, each before and after the driver's turn
        co_await scenario();

        http::client slow(client_options().retry(retry_options().budget(1, 1000)).intercept(site));
        const auto asked = site->seen.size();
        const bool done = co_await move_on_after(0ns, slow.try_send(get())) != std::nullopt;
        CHECK_FALSE(done);
        CHECK(site->seen.size() <= asked + 1); // it was in the first pause, at the latest
    });
}
