// Requests with everything on the way (a file, Digest, a redirect, cookies; chunks and gzip; TLS; a queue for
// one connection; a kept connection that has gone; large uploads), and an event source, cancelled at each
// suspension point: no connection is left, and the next request gets its own answer.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/http/server_support.hpp"
#include "tests/support/http/test_certificates.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/when_all.hpp>
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

// "plain", compressed.
const std::string zipped(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xc8\x49\xcc\xcc\x03\x00\xcf\x62\x20\x19\x05\x00\x00\x00",
    25);

// Runs `scenario(client)` again and again, cancelled at one point after the other. After each run the client
// holds no connection but idle ones; in the end it works.
template <class Scenario>
void cancel_anywhere(http::client_options options, const std::string& plain_url, Scenario scenario) {
    auto work = [&]() -> task<> {
        http::client web(std::move(options));
        auto with_client = [&]() -> task<> { return scenario(web); };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
            CHECK(web.counters().waiting == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(with_client, after);
        CHECK(cancelled > 20);
        co_await scenario(web); // nobody cancels this one
        co_await check_usable(web, plain_url);
    };
    tests::run_on_loop(work());
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

TEST_CASE("streams of chunks, compressed, over a kept connection can be cancelled anywhere") {
    answering server([](const std::string& request) -> std::string {
        if (scripted::target_of(request) == "/plain") return ok("plain");
        std::string text = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (const char byte : zipped)
            text.append("1\r\n").append(1, byte).append("\r\n");
        return text + "0\r\nT: u\r\n\r\n";
    });
    cancel_anywhere(http::client_options().connections_per_host(1), server.url("/plain"),
                    [&](http::client& web) -> task<> {
                        for (int i = 0; i < 2; ++i) {
                            http::response_stream stream =
                                co_await web.open(http::request(server.url("/zip")));
                            const std::string all = co_await stream.read_all();
                            CHECK(all == "plain");
                            CHECK(stream.trailers().get("T") == "u");
                        }
                    });
}

TEST_CASE("requests that wait for one connection can be cancelled anywhere") {
    answering server([](const std::string& request) {
        const std::string target = scripted::target_of(request);
        return ok(target == "/plain" ? "plain" : target);
    });
    cancel_anywhere(http::client_options().connections_per_host(1).connections_total(1), server.url("/plain"),
                    [&](http::client& web) -> task<> {
                        auto first = web.get(server.url("/1"));
                        auto second = web.get(server.url("/2"));
                        auto third = web.get(server.url("/3"));
                        auto [a, b, c] =
                            co_await when_all(std::move(first), std::move(second), std::move(third));
                        CHECK(a.body() == "/1");
                        CHECK(b.body() == "/2");
                        CHECK(c.body() == "/3");
                    });
}

TEST_CASE("a request that is sent again on a new connection can be cancelled anywhere") {
    scripted::server server([](scripted::peer& p, int) {
        std::string request = p.read_request();
        if (request.empty()) return;
        p.send(ok("plain"));
        p.read_request(); // taken, and dropped unanswered
        p.reset();
    });
    cancel_anywhere(http::client_options().connections_per_host(1), server.url("/plain"),
                    [&](http::client& web) -> task<> {
                        for (int i = 0; i < 2; ++i) {
                            const http::response r = co_await web.get(server.url("/plain"));
                            CHECK(r.body() == "plain");
                        }
                    });
}

TEST_CASE("large uploads, taken and refused, can be cancelled anywhere") {
    scripted::server server([](scripted::peer& p, int) {
        for (;;) {
            const std::string head = p.read_head();
            if (head.empty()) return;
            if (scripted::target_of(head) == "/plain") {
                p.send(ok("plain"));
            } else if (scripted::target_of(head) == "/refused") {
                p.send("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
                return p.wait_closed();
            } else {
                if (p.read_until("end of the body").empty()) return;
                p.send(ok("taken"));
            }
        }
    });
    const std::string large = std::string(2 << 20, 'b') + "end of the body";
    cancel_anywhere(http::client_options().connections_per_host(1), server.url("/plain"),
                    [&](http::client& web) -> task<> {
                        for (const char* const path : {"/taken", "/refused"}) {
                            http::request what(server.url(path));
                            what.method(http::method::put).body(large);
                            const http::response r = co_await web.send(std::move(what));
                            CHECK((r.body() == "taken" || r.body() == "no"));
                        }
                    });
}

TEST_CASE("a request over TLS can be cancelled anywhere") {
    test_support::certificate_authority authority;
    const auto files = authority.issue(test_support::certificate_request());
    server_test::running_server server(http::server_options().tls(files.certificate, files.key),
                                       [](http::server_request request) -> task<http::server_response> {
                                           co_return http::server_response::text(
                                               request.path() == "/plain" ? "plain"
                                                                          : std::string(100'000, 's'));
                                       });
    const std::string url = "https://localhost:" + std::to_string(server.port());
    http::client_options options;
    options.ca_file(authority.ca_file()).connections_per_host(1);
    cancel_anywhere(std::move(options), url + "/plain", [&](http::client& web) -> task<> {
        for (int i = 0; i < 2; ++i) {
            const http::response r = co_await web.get(url + "/large");
            CHECK(r.body().size() == 100'000);
        }
    });
}

TEST_CASE("opening connections ahead can be cancelled anywhere") {
    test_support::certificate_authority authority;
    const auto files = authority.issue(test_support::certificate_request());
    server_test::running_server server(http::server_options().tls(files.certificate, files.key),
                                       [](http::server_request) -> task<http::server_response> {
                                           co_return http::server_response::text("plain");
                                       });
    const std::string url = "https://localhost:" + std::to_string(server.port());
    auto work = [&]() -> task<> {
        http::client_options options;
        options.ca_file(authority.ca_file());
        http::client web(std::move(options));
        std::size_t kept = 0;
        auto scenario = [&]() -> task<> {
            web.close_idle();
            kept = 0;
            co_await web.warm_up(url, 2);
            kept = 2;
            co_await web.warm_up(url, 3);
            CHECK(web.counters().connections_idle == 3);
        };
        auto after = [&](test::ending how) {
            CHECK(web.counters().connections_idle >= kept); // those that were kept before stay
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
            CHECK(web.counters().waiting == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 2);
        co_await check_usable(web, url);
    };
    tests::run_on_loop(work());
}
