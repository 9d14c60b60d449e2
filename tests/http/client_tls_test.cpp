// TLS: who is believed, what a refusal says, how connections end.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/http/test_certificates.hpp"

#include <tandem/http/client.hpp>

#include <csignal>
#include <string>

#include <openssl/ssl.h>

using namespace tandem;
using http::client_options;
using http::request_phase;
using test_support::certificate_authority;
using test_support::certificate_files;
using test_support::certificate_request;

namespace {

// An HTTPS server that answers every request with the name that the client asked for (SNI).
class tls_server {
public:
    explicit tls_server(const certificate_files& files, bool close_notify = true, std::string answer = "")
        : answer_(std::move(answer)), close_notify_(close_notify), context_(SSL_CTX_new(TLS_server_method())),
          server_([this](scripted::peer& p, int) { serve(p); }) {
        REQUIRE(SSL_CTX_use_certificate_file(context_, files.certificate.c_str(), SSL_FILETYPE_PEM) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
    ~tls_server() {
        server_.reset();
        SSL_CTX_free(context_);
    }
    tls_server(const tls_server&) = delete;
    tls_server& operator=(const tls_server&) = delete;

    std::string url(const std::string& host, const std::string& path = "/") const {
        return "https://" + host + ":" + std::to_string(server_->port()) + path;
    }
    std::string host_port() const { return server_->host_port(); }
    std::uint16_t port() const { return server_->port(); }
    int connections() const { return server_->connections(); }

private:
    class holder {
    public:
        explicit holder(scripted::server::script s)
            : server_(std::make_unique<scripted::server>(std::move(s))) {}
        scripted::server* operator->() const { return server_.get(); }
        void reset() { server_.reset(); }

    private:
        std::unique_ptr<scripted::server> server_;
    };

    void serve(scripted::peer& p) {
        SSL* const tls = SSL_new(context_);
        SSL_set_fd(tls, p.native_handle());
        if (SSL_accept(tls) == 1) {
            std::string buffer;
            char data[4096];
            for (;;) {
                const int n = SSL_read(tls, data, sizeof(data));
                if (n <= 0) break;
                buffer.append(data, static_cast<std::size_t>(n));
                if (buffer.find("\r\n\r\n") == std::string::npos) continue;
                buffer.clear();
                const char* const name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
                const std::string text = answer_.empty() ? scripted::ok(name ? name : "no name") : answer_;
                SSL_write(tls, text.data(), static_cast<int>(text.size()));
                if (!answer_.empty()) break;
            }
            if (close_notify_) SSL_shutdown(tls);
        }
        SSL_free(tls);
    }

    std::string answer_;
    bool close_notify_;
    SSL_CTX* context_;
    holder server_;
};

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

class ignore_sigpipe {
public:
    ignore_sigpipe() {
        std::signal(SIGPIPE, SIG_IGN);
    } // of the server's SSL_write, which cannot be told not to
};
const ignore_sigpipe without_sigpipe;

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
