// TLS: who is believed, what a refusal says, how connections end.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/http/tls_server.hpp"
#include "tests/support/http/test_certificates.hpp"

#include <tandem/http/client.hpp>

#include <string>

using namespace tandem;
using http::client_options;
using http::request_phase;
using test_support::certificate_authority;
using test_support::certificate_files;
using test_support::certificate_request;

namespace {

using scripted::tls_server;

http::result<http::response> fetch(const std::string& url, const client_options& options) {
    auto work = [&]() -> task<http::result<http::response>> {
        http::client web(options);
        http::result<http::response> r = co_await web.try_get(url);
        CHECK(web.counters().connections_in_use == 0);
        co_return r;
    };
    return scripted::run(work());
}

void refused(const http::result<http::response>& r, const std::string& words) {
    REQUIRE_FALSE(r);
    CAPTURE(r.error().message());
    CHECK(r.error().is_tls());
    CHECK(r.error().phase() == request_phase::tls);
    CHECK_FALSE(r.error().is_timeout());
    CHECK(r.error().message().find(": TLS handshake: ") != std::string::npos);
    CHECK(r.error().detail().find(words) != std::string::npos);
}

} // namespace

TEST_CASE("a certificate of an authority that is trusted, for the name or address of the URL") {
    certificate_authority authority;
    tls_server server(authority.issue());
    const client_options options = client_options().ca_file(authority.ca_file());
    const auto by_name = fetch(server.url("localhost"), options);
    REQUIRE(by_name);
    CHECK(by_name->body() == "localhost");
    CHECK(by_name->timings().tls.count() > 0);
    const auto by_address = fetch(server.url("127.0.0.1"), options);
    REQUIRE(by_address);
    CHECK(by_address->body() == "no name"); // addresses are not sent as SNI (RFC 6066, 3)
    const std::string port = std::to_string(server.port());
    const auto rooted = fetch(
        server.url("localhost."),
        client_options().ca_file(authority.ca_file()).connect_to("localhost.:" + port, server.host_port()));
    REQUIRE(rooted); // a trailing dot is no part of the name
    CHECK(rooted->body() == "localhost");
}

TEST_CASE("https connections are kept") {
    certificate_authority authority;
    tls_server server(authority.issue());
    auto work = [&]() -> task<> {
        http::client web(client_options().ca_file(authority.ca_file()));
        for (int i = 0; i < 4; ++i) {
            const http::response r = co_await web.get(server.url("localhost"));
            CHECK(r.connection_reused() == (i > 0));
        }
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
    CHECK(server.connections() == 1);
}

TEST_CASE("certificates that are refused, and why") {
    certificate_authority authority;
    const client_options options = client_options().ca_file(authority.ca_file());
    SECTION("for another name") {
        tls_server server(authority.issue(certificate_request().names("DNS:example.org,DNS:*.localhost")));
        refused(fetch(server.url("localhost"), options), "example.org, *.localhost, not for localhost");
    }
    SECTION("for the name, not the address") {
        tls_server server(authority.issue(certificate_request().names("DNS:127.0.0.1,DNS:localhost")));
        refused(fetch(server.url("127.0.0.1"), options), "127.0.0.1");
    }
    SECTION("expired") {
        tls_server server(authority.issue(certificate_request().valid(-10, -2)));
        refused(fetch(server.url("localhost"), options), "certificate has expired (20");
    }
    SECTION("not yet valid") {
        tls_server server(authority.issue(certificate_request().valid(2, 10)));
        refused(fetch(server.url("localhost"), options), "certificate is not yet valid (20");
    }
    SECTION("self-signed") {
        tls_server server(authority.issue(certificate_request().self_signed()));
        refused(fetch(server.url("localhost"), options), "self-signed certificate");
    }
    SECTION("an authority that is not trusted") {
        certificate_authority stranger;
        tls_server server(stranger.issue());
        refused(fetch(server.url("localhost"), options), "certificate");
    }
    SECTION("the system does not know the authority") {
        tls_server server(authority.issue());
        refused(fetch(server.url("localhost"), client_options()), "certificate");
    }
    SECTION("no TLS at all") {
        scripted::answering plain([](const std::string&) { return scripted::ok("x"); });
        const auto r = fetch("https://" + plain.host_port() + "/", options);
        REQUIRE_FALSE(r);
        CHECK(r.error().is_tls());
    }
}

TEST_CASE("verify(false) accepts what is refused otherwise") {
    certificate_authority authority;
    tls_server server(authority.issue(certificate_request().names("DNS:example.org").valid(-10, -2)));
    CHECK(fetch(server.url("localhost"), client_options().verify(false)));
}

TEST_CASE("a CA file that cannot be read is told when the client is made") {
    CHECK_THROWS_AS(http::client(client_options().ca_file("/nonexistent/ca.pem")), system_error);
}

TEST_CASE("a body that ends with the connection must end with close_notify") {
    certificate_authority authority;
    const client_options options = client_options().ca_file(authority.ca_file());
    const std::string until_close = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it?";
    SECTION("with it") {
        tls_server server(authority.issue(), true, until_close);
        const auto r = fetch(server.url("localhost"), options);
        REQUIRE(r);
        CHECK(r->body() == "all of it?");
    }
    SECTION("without it") {
        tls_server server(authority.issue(), false, until_close);
        const auto r = fetch(server.url("localhost"), options);
        REQUIRE_FALSE(r);
        CHECK(r.error().phase() == request_phase::body);
        CHECK(r.error().detail().find("close_notify") != std::string::npos);
    }
}

TEST_CASE("from https to http: refused, unless allowed") {
    certificate_authority authority;
    scripted::answering plain([](const std::string&) { return scripted::ok("plain"); });
    tls_server server(authority.issue(), true,
                      "HTTP/1.1 302 Found\r\nLocation: " + plain.url("/p") + "\r\nContent-Length: 0\r\n\r\n");
    const auto r = fetch(server.url("localhost"), client_options().ca_file(authority.ca_file()));
    REQUIRE_FALSE(r);
    CHECK(r.error().phase() == request_phase::redirect);
    CHECK(r.error().code() == http::errc::insecure_redirect);
    CHECK(plain.requests().empty());
    const auto allowed = fetch(server.url("localhost"),
                               client_options().ca_file(authority.ca_file()).allow_insecure_redirects(true));
    REQUIRE(allowed);
    CHECK(allowed->body() == "plain");
}
