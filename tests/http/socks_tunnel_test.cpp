#include "tests/support/catch.hpp"

#include "tests/http/proxy_support.hpp"
#include "tests/http/tls_server.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/http/client.hpp>
#include <tandem/testing/cancel_everywhere.hpp>

#include <chrono>
#include <string>

using namespace tandem;
using namespace std::chrono_literals;
using http::client_options;
using http::proxies;
using http::request_phase;
using scripted::answering;
using scripted::at;
using scripted::fetch;
using scripted::ok;
using scripted::socks_proxy;
using test_support::certificate_authority;
using test_support::certificate_request;

namespace {

// How a request ends when the proxy says `first` to the greeting and `then` to the request.
http::result<http::response> answered(const std::string& first, const std::string& then = "",
                                      const std::string& before = "socks5h://") {
    scripted::server hostile([&](scripted::peer& p, int) {
        scripted::read_bytes(p, before.find('@') == std::string::npos ? 3 : 4);
        p.send(first);
        if (then.empty()) return;
        scripted::read_bytes(p, 5 + 12 + 2);
        p.send(then);
    });
    return fetch(client_options().proxies(proxies().all(at(hostile.port(), before))).connect_timeout(5s),
                 "http://example.test/");
}

void failed(const http::result<http::response>& r, http::errc code, const std::string& words) {
    REQUIRE_FALSE(r);
    CAPTURE(r.error().message());
    CHECK(r.error().code() == code);
    CHECK(r.error().phase() == request_phase::proxy);
    CHECK_THAT(r.error().detail(), Catch::Contains(words) && Catch::Contains("socks5h://127.0.0.1:"));
}

const std::string fine("\x05\x00", 2);

} // namespace

TEST_CASE("socks: a name goes to the proxy, and the request to the server as without one", "[http][proxy]") {
    answering server([](const std::string& request) { return ok(scripted::target_of(request)); });
    socks_proxy proxy(server.port());
    const auto r = fetch(client_options().proxies(proxies().all(at(proxy.port(), "socks5h://"))),
                         "http://example.test:81/x");
    REQUIRE(r);
    CHECK(r->body() == "/x");
    REQUIRE(proxy.requests().size() == 1);
    CHECK(proxy.requests()[0] == "0 3 example.test 81");
}

TEST_CASE("socks: TLS through it, with user name and password for the proxy only", "[http][proxy]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue(certificate_request().names("DNS:example.test")));
    socks_proxy proxy(server.port(), 2);
    const auto options = client_options().ca_file(authority.ca_file());
    const auto r =
        fetch(client_options(options).proxies(proxies().all(at(proxy.port(), "socks5h://joe:pw@"))),
              "https://example.test/");
    REQUIRE(r);
    CHECK(r->body() == "example.test");
    CHECK(proxy.requests().at(0) == "2 joe:pw 3 example.test 443");
    CHECK(server.requests().at(0).find("Proxy") == std::string::npos);
}

TEST_CASE("socks: addresses go as addresses", "[http][proxy]") {
    answering server([](const std::string&) { return ok("x"); });
    socks_proxy proxy(server.port());
    const auto by_proxy = client_options().proxies(proxies().all(at(proxy.port(), "socks5h://")));
    CHECK(fetch(by_proxy, "http://192.0.2.1/"));
    CHECK(fetch(by_proxy, "http://[2001:db8::1]:8080/"));
    // socks5 without an h: looked up here.
    const auto here = client_options()
                          .proxies(proxies().all(at(proxy.port(), "socks5://")))
                          .resolve("example.test", {"192.0.2.7", "192.0.2.8"});
    CHECK(fetch(here, "http://example.test/"));
    const auto seen = proxy.requests();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == "0 1 192.0.2.1. 80");
    CHECK(seen[1] == "0 4 32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1. 8080");
    CHECK(seen[2] == "0 1 192.0.2.7. 80");
}

TEST_CASE("socks: what a proxy may refuse with", "[http][proxy]") {
    failed(answered(std::string("\x05\xFF")), http::errc::proxy_refused, "authentication");
    const char* const words[] = {"general failure",  "not allowed",        "network unreachable",
                                 "host unreachable", "connection refused", "TTL",
                                 "command",          "address type",       "unknown"};
    for (int code = 1; code <= 9; ++code) {
        const std::string reply{'\x05', static_cast<char>(code), '\0', '\x01', '\0', '\0', '\0', '\0', '\0',
                                '\0'};
        failed(answered(fine, reply), http::errc::proxy_refused, words[code - 1]);
    }
    scripted::server picky([](scripted::peer& p, int) {
        scripted::read_bytes(p, 4);
        p.send("\x05\x02");
        scripted::read_bytes(p, 3 + 3 + 6);
        p.send("\x01\x01");
    });
    const auto r = fetch(client_options().proxies(proxies().all(at(picky.port(), "socks5h://joe:secret@"))),
                         "http://example.test/");
    failed(r, http::errc::proxy_refused, "does not accept the user name");
    CHECK(r.error().message().find("secret") == std::string::npos);
}

TEST_CASE("socks: hostile answers", "[http][proxy]") {
    failed(answered("\x05"), http::errc::proxy_failed, "closed");
    failed(answered("HTTP/1.1 400 Bad Request\r\n\r\n"), http::errc::proxy_failed, "SOCKS 5");
    failed(answered("\x04\x5A"), http::errc::proxy_failed, "SOCKS 5");
    failed(answered("\x05\x02"), http::errc::proxy_failed, "not offered"); // no credentials were offered
    failed(answered("\x05\x01"), http::errc::proxy_failed, "not offered");
    failed(answered(fine, "\x04"), http::errc::proxy_failed, "closed");
    failed(answered(fine, std::string("\x04\x00\x00\x01", 4)), http::errc::proxy_failed, "not of SOCKS 5");
    failed(answered(fine, std::string("\x05\x00\x00\x02", 4)), http::errc::proxy_failed, "type of address");
    failed(answered(fine, std::string("\x05\x00\x00\x03\xFFxxx", 8)), http::errc::proxy_failed, "closed");
    const std::string longest = std::string("\x05\x00\x00\x03\xFF", 5) + std::string(257, 'x');
    const auto read_over = answered(fine, longest); // all of it is the reply; then the proxy closes
    REQUIRE_FALSE(read_over);
    CHECK(read_over.error().phase() == request_phase::response_head);

    const auto too_long = fetch(client_options().proxies(proxies().all("socks5h://127.0.0.1:1")),
                                "http://" + std::string(60, 'a') + ".test/");
    CHECK(too_long.error().phase() == request_phase::connect); // 60 is fine; the proxy is not there
}

TEST_CASE("socks: one that stalls", "[http][proxy]") {
    scripted::server silent([](scripted::peer& p, int) {
        scripted::read_bytes(p, 3);
        p.send("\x05");
        p.wait_closed();
    });
    const auto r =
        fetch(client_options().proxies(proxies().all(at(silent.port(), "socks5h://"))).connect_timeout(50ms),
              "http://example.test/");
    REQUIRE_FALSE(r);
    CHECK(r.error().is_timeout());
    CHECK(r.error().phase() == request_phase::proxy);
}

TEST_CASE("socks: cancelled anywhere", "[http][proxy]") {
    answering server([](const std::string&) { return ok("x"); });
    socks_proxy proxy(server.port(), 2);
    auto work = [&]() -> task<> {
        http::client web(client_options().connections_per_host(1).proxies(
            proxies().all(at(proxy.port(), "socks5h://joe:pw@"))));
        auto scenario = [&]() -> task<> {
            const http::response r = co_await web.get("http://example.test/");
            CHECK(r.body() == "x");
            web.close_idle();
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
