// A request with everything on the way (a file, Digest, a redirect, cookies), and an event source, cancelled
// at each suspension point: no connection is left, and the next request gets its own answer.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/cookie_jar.hpp>
#include <tandem/http/event_source.hpp>

#include <cstddef>
#include <fstream>
#include <memory>
#include <string>

using namespace tandem;
using scripted::answering;
using scripted::field_of;
using scripted::ok;

namespace {

std::string answer_of(const std::string& request) {
    const std::string target = scripted::target_of(request);
    if (target == "/events") return ok("data: a\n\ndata: b\n\n", "Content-Type: text/event-stream\r\n");
    if (target == "/plain") return ok("plain");
    if (field_of(request, "Authorization") == "-")
        return "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=r, nonce=n, qop=auth\r\n"
               "Content-Length: 0\r\n\r\n";
    if (target == "/begin")
        return "HTTP/1.1 307 There\r\nLocation: /end\r\nSet-Cookie: n=v\r\nContent-Length: 0\r\n\r\n";
    return ok(std::to_string(scripted::body_of(request).size()) + field_of(request, "Cookie"));
}

task<> check_usable(http::client& web, std::string url) {
    const http::client_counters now = web.counters();
    CHECK(now.connections_in_use == 0);
    CHECK(now.waiting == 0);
    const http::response r = co_await web.get(std::move(url));
    CHECK(r.body() == "plain");
}

} // namespace

TEST_CASE("a request with a file, Digest, a redirect and cookies can be cancelled anywhere") {
    const tests::temporary_folder folder;
    std::ofstream(folder / "file") << std::string(100000, 'x');
    answering server(answer_of);
    auto work = [&]() -> task<> {
        http::client_options options;
        options.cookies(std::make_shared<http::cookie_jar>()).connections_per_host(1);
        http::client web(std::move(options));
        auto scenario = [&]() -> task<> {
            http::request what(server.url("/begin"));
            what.method(http::method::put).body(http::request_body::file(folder / "file"));
            what.auth(http::credentials::digest("joe", "pw"));
            const http::response r = co_await web.send(std::move(what));
            CHECK(r.body() == "100000n=v");
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
            CHECK(web.counters().waiting == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 20);
        co_await scenario(); // nobody cancels this one
        co_await check_usable(web, server.url("/plain"));
    };
    tests::run_on_loop(work());
}

TEST_CASE("an event source can be cancelled anywhere") {
    answering server(answer_of);
    auto work = [&]() -> task<> {
        http::client web(http::client_options().connections_per_host(1));
        const auto quick = http::event_source_options()
                               .min_retry(std::chrono::milliseconds(1))
                               .retry(std::chrono::milliseconds(1));
        auto scenario = [&]() -> task<> {
            http::event_source news(web, http::request(server.url("/events")), quick);
            for (const char* const expected : {"a", "b", "a"}) { // over two connections
                const auto event = co_await news.next();
                REQUIRE(event);
                CHECK(event->data() == expected);
            }
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 20);
        co_await scenario();
        co_await check_usable(web, server.url("/plain"));
    };
    tests::run_on_loop(work());
}
