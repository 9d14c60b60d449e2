// HTTP proxies: what they are told, what they are not, and what they may answer.
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
using scripted::connect_proxy;
using scripted::fetch;
using scripted::field_of;
using scripted::ok;
using scripted::tls_server;
using test_support::certificate_authority;
using test_support::certificate_request;

namespace {

void failed(const http::result<http::response>& r, http::errc code, const std::string& words) {
    REQUIRE_FALSE(r);
    CAPTURE(r.error().message());
    CHECK(r.error().code() == code);
    CHECK(r.error().phase() == request_phase::proxy);
    CHECK_THAT(r.error().detail(), Catch::Contains(words) && Catch::Contains("http://127.0.0.1:"));
}

// How a CONNECT ends that is answered like this.
http::result<http::response> answered(const std::string& answer, bool then_close = true) {
    scripted::server hostile([&](scripted::peer& p, int) {
        p.read_head();
        p.send(answer);
        if (!then_close) p.wait_closed();
    });
    return fetch(client_options().proxies(proxies().all(at(hostile.port()))).connect_timeout(5s),
                 http::request("https://example.test/"));
}

} // namespace

TEST_CASE("http proxy: an https URL goes through a tunnel, and the proxy sees host and port only",
          "[http][proxy]") {
    certificate_authority authority;
    tls_server server(authority.issue(certificate_request().names("DNS:example.test")));
    connect_proxy proxy(server.port());
    const auto r = fetch(client_options()
                             .ca_file(authority.ca_file())
                             .user_agent("secret-agent")
                             .proxies(proxies().all(at(proxy.port(), "http://joe:pw@"))),
                         http::request("https://example.test/secret?x=1")
                             .header("Cookie", "secret=1")
                             .header("Proxy-Authorization", "secret")
                             .auth(http::credentials::bearer("secret")));
    REQUIRE(r);
    CHECK(r->body() == "example.test");
    REQUIRE(proxy.requests().size() == 1);
    CHECK(proxy.requests()[0] == "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n"
                                 "Proxy-Authorization: Basic am9lOnB3\r\n\r\n");
    REQUIRE(server.requests().size() == 1);
    CHECK(scripted::target_of(server.requests()[0]) == "/secret?x=1");
    CHECK(field_of(server.requests()[0], "Authorization") == "Bearer secret");
    CHECK(field_of(server.requests()[0], "Proxy-Authorization") == "-");
    CHECK(server.requests()[0].find("am9lOnB3") == std::string::npos);
}

TEST_CASE("http proxy: an http URL is sent whole, with the proxy's credentials", "[http][proxy]") {
    answering proxy([](const std::string& request) {
        if (scripted::target_of(request) == "http://a.test/moved")
            return std::string(
                "HTTP/1.1 302 Found\r\nLocation: http://b.test:81/end\r\nContent-Length: 0\r\n\r\n");
        return ok("from the proxy");
    });
    const auto options = client_options().proxies(proxies().all(at(proxy.port(), "http://joe:pw@")));
    const auto r =
        fetch(options, http::request("http://user:word@a.test/moved#fragment").header("Cookie", "a=1"));
    REQUIRE(r);
    CHECK(r->body() == "from the proxy");
    const auto seen = proxy.requests();
    REQUIRE(seen.size() == 2);
    CHECK(scripted::target_of(seen[0]) == "http://a.test/moved"); // neither user, nor password, nor fragment
    CHECK(field_of(seen[0], "Host") == "a.test");
    CHECK(field_of(seen[0], "Proxy-Authorization") == "Basic am9lOnB3");
    CHECK(field_of(seen[0], "Cookie") == "a=1");
    CHECK(scripted::target_of(seen[1]) == "http://b.test:81/end");
    CHECK(field_of(seen[1], "Proxy-Authorization") == "Basic am9lOnB3"); // it is the same proxy
    CHECK(field_of(seen[1], "Cookie") == "-");
    CHECK(field_of(seen[1], "Authorization") == "-");
}

TEST_CASE("http proxy: hosts of the bypass list are connected to directly, without its credentials",
          "[http][proxy]") {
    answering server([](const std::string&) { return ok("direct"); });
    const auto options =
        client_options().proxies(proxies().all("http://joe:pw@127.0.0.1:1").bypass("127.0.0.1"));
    const auto r = fetch(options, http::request(server.url("/x")));
    REQUIRE(r);
    CHECK(r->body() == "direct");
    CHECK(field_of(server.requests()[0], "Proxy-Authorization") == "-");
    CHECK(scripted::target_of(server.requests()[0]) == "/x");
}

TEST_CASE("http proxy: a redirect from http to https changes from the absolute URL to a tunnel",
          "[http][proxy]") {
    certificate_authority authority;
    tls_server server(authority.issue(certificate_request().names("DNS:s.test")));
    scripted::server proxy([&](scripted::peer& p, int) {
        const std::string first = p.read_head();
        proxy.note(first);
        if (!first.starts_with("CONNECT")) {
            p.send("HTTP/1.1 301 There\r\nLocation: https://s.test/\r\nContent-Length: 0\r\n\r\n");
            return p.wait_closed();
        }
        p.send("HTTP/1.0 200 OK\r\n\r\n");
        const int there = scripted::connect_to_loopback(server.port());
        scripted::pass_on(p.native_handle(), there);
        ::close(there);
    });
    const auto r =
        fetch(client_options().ca_file(authority.ca_file()).proxies(proxies().all(at(proxy.port()))),
              http::request("http://p.test/").header("Proxy-Authorization", "by-hand"));
    REQUIRE(r);
    CHECK(r->body() == "s.test");
    REQUIRE(proxy.requests().size() == 2);
    CHECK(field_of(proxy.requests()[0], "Proxy-Authorization") == "by-hand"); // it reads this request
    CHECK(field_of(server.requests()[0], "Proxy-Authorization") == "-");
}

TEST_CASE("http proxy: what it may refuse with", "[http][proxy]") {
    failed(answered("HTTP/1.1 403 Go away\r\nContent-Length: 4\r\n\r\nbody"), http::errc::proxy_refused,
           "asked for example.test:443: it answered 403 Go away");
    failed(answered("HTTP/1.1 502\r\n\r\n"), http::errc::proxy_refused, "502 Bad Gateway");
    failed(answered("HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"),
           http::errc::proxy_refused, "user name and a password");
    failed(answered("HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\nContent-Length: 0\r\n\r\n"),
           http::errc::proxy_refused, "302");
    failed(answered("HTTP/1.1 101 Switching\r\n\r\n"), http::errc::proxy_refused, "101");
    scripted::server picky([](scripted::peer& p, int) {
        p.read_head();
        p.send("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
    });
    const auto r = fetch(client_options().proxies(proxies().all(at(picky.port(), "http://joe:secret@"))),
                         http::request("https://example.test/"));
    failed(r, http::errc::proxy_refused, "does not accept");
    CHECK(r.error().message().find("secret") == std::string::npos);
}

TEST_CASE("http proxy: hostile answers", "[http][proxy]") {
    failed(answered(""), http::errc::proxy_failed, "");
    failed(answered("garbage\r\n\r\n"), http::errc::proxy_failed, "");
    failed(answered("\x05\xFF garbage without an end"), http::errc::proxy_failed, "");
    failed(answered("HTTP/1.1 200 OK\r\nX: cut o"), http::errc::proxy_failed, "");
    failed(answered("HTTP/1.1 200 OK\r\n\r\n\x15\x03\x01", false), http::errc::proxy_failed, "before");
    std::string endless = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10000; ++i)
        endless += "X-Header-" + std::to_string(i) + ": value\r\n";
    failed(answered(endless, false), http::errc::proxy_failed, "");
    failed(answered("HTTP/1.1 200 OK\r\nX: " + std::string(200000, 'x'), false), http::errc::proxy_failed,
           "");
    std::string interim;
    for (int i = 0; i < 100; ++i)
        interim += "HTTP/1.1 100 Continue\r\n\r\n";
    failed(answered(interim, false), http::errc::proxy_failed, "");
}

TEST_CASE("http proxy: one that stalls, and none at all", "[http][proxy]") {
    scripted::server silent([](scripted::peer& p, int) { p.wait_closed(); });
    const auto stalled =
        fetch(client_options().proxies(proxies().all(at(silent.port()))).connect_timeout(50ms),
              http::request("https://example.test/"));
    REQUIRE_FALSE(stalled);
    CHECK(stalled.error().is_timeout());
    CHECK(stalled.error().phase() == request_phase::proxy);
    CHECK_THAT(stalled.error().detail(), Catch::Contains("client_options::connect_timeout"));
    const auto none = fetch(client_options().proxies(proxies().all("http://127.0.0.1:1")),
                            http::request("http://example.test/"));
    REQUIRE_FALSE(none);
    CHECK(none.error().phase() == request_phase::connect);
    CHECK_THAT(none.error().detail(), Catch::Contains("http://127.0.0.1:1: "));
}

TEST_CASE("https proxy: verified as a server is, for both kinds of URLs", "[http][proxy]") {
    certificate_authority authority;
    tls_server server(authority.issue(certificate_request().names("DNS:example.test")));
    scripted::https_proxy proxy(authority.issue(certificate_request().names("IP:127.0.0.1")), server.port());
    const auto options = client_options()
                             .ca_file(authority.ca_file())
                             .proxies(proxies().all(at(proxy.port(), "https://joe:pw@")));
    const auto secure = fetch(options, http::request("https://example.test/x"));
    REQUIRE(secure);
    CHECK(secure->body() == "example.test");
    CHECK(scripted::target_of(proxy.requests().at(0)) == "example.test:443");
    const auto plain = fetch(options, http::request("http://example.test/x"));
    REQUIRE(plain);
    CHECK(plain->body() == "from the proxy");
    CHECK(scripted::target_of(proxy.requests().at(1)) == "http://example.test/x");
    CHECK(field_of(proxy.requests().at(1), "Proxy-Authorization") == "Basic am9lOnB3");

    scripted::https_proxy stranger(authority.issue(certificate_request().names("DNS:other.test")),
                                   server.port());
    const auto refused = fetch(client_options()
                                   .ca_file(authority.ca_file())
                                   .proxies(proxies().all(at(stranger.port(), "https://joe:pw@"))),
                               http::request("https://example.test/"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().phase() == request_phase::proxy);
    CHECK_THAT(refused.error().detail(), Catch::Contains("not for 127.0.0.1") && Catch::Contains("https://"));
    CHECK(stranger.requests().empty()); // the password has not been shown
}

TEST_CASE("http proxy: cancelled anywhere", "[http][proxy]") {
    certificate_authority authority;
    tls_server server(authority.issue(certificate_request().names("DNS:example.test")));
    scripted::https_proxy proxy(authority.issue(), server.port());
    auto work = [&]() -> task<> {
        http::client web(client_options()
                             .ca_file(authority.ca_file())
                             .connections_per_host(1)
                             .proxies(proxies().all(at(proxy.port(), "https://joe:pw@"))));
        auto scenario = [&]() -> task<> {
            const http::response r = co_await web.get("https://example.test/");
            CHECK(r.body() == "example.test");
            web.close_idle();
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
            CHECK(web.counters().waiting == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 5);
        co_await scenario();
    };
    tests::run_on_loop(work());
}
