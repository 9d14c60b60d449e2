// Proxies that ask for Digest: tunnels and whole requests, old nonces, refusals; and who never sees an
// answer.
#include "tests/support/catch.hpp"

#include "tests/http/proxy_support.hpp"
#include "tests/http/tls_server.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/http/client.hpp>
#include <tandem/testing/cancel_everywhere.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include <openssl/evp.h>

using namespace tandem;
using http::client_options;
using http::proxies;
using http::request_phase;
using scripted::answering;
using scripted::at;
using scripted::fetch;
using scripted::field_of;
using scripted::ok;
using test_support::certificate_authority;
using test_support::certificate_request;

namespace {

std::string hash(const std::string& algorithm, const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), bytes.data(), &size,
               algorithm.starts_with("MD5") ? EVP_md5() : EVP_sha256(), nullptr);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += "0123456789abcdef"[bytes[i] >> 4];
        out += "0123456789abcdef"[bytes[i] & 15];
    }
    return out;
}

// A parameter of the Proxy-Authorization field, unquoted; "-" without.
std::string parameter(const std::string& request, const std::string& name) {
    const std::string field = field_of(request, "Proxy-Authorization");
    std::size_t begin = field.find(' ' + name + '=');
    if (begin == std::string::npos) return "-";
    begin += name.size() + 2;
    if (field[begin] == '"') return field.substr(begin + 1, field.find('"', begin + 1) - begin - 1);
    return field.substr(begin, field.find(',', begin) - begin);
}

// Whether a request holds the answer (RFC 7616, 3.4.1) of joe, whose password is pw.
bool is_answer(const std::string& request, const std::string& algorithm, const std::string& nonce) {
    const auto is = [&](const char* name) { return parameter(request, name); };
    const std::string method = request.substr(0, request.find(' '));
    std::string secret = hash(algorithm, "joe:p:pw");
    if (algorithm.ends_with("-sess")) secret = hash(algorithm, secret + ":" + nonce + ":" + is("cnonce"));
    const std::string what = hash(algorithm, method + ":" + scripted::target_of(request));
    return is("username") == "joe" && is("realm") == "p" && is("nonce") == nonce && is("qop") == "auth" &&
           is("uri") == scripted::target_of(request) &&
           is("response") ==
               hash(algorithm, secret + ":" + nonce + ":" + is("nc") + ":" + is("cnonce") + ":auth:" + what);
}

std::string asking(const std::string& challenge) {
    return "HTTP/1.1 407 Who\r\nProxy-Authenticate: " + challenge + "\r\nContent-Length: 4\r\n\r\nwho?";
}

std::string digest_of(const std::string& algorithm, const std::string& nonce, bool stale = false) {
    return "Digest realm=\"p\", nonce=\"" + nonce + "\", qop=\"auth\", algorithm=" + algorithm +
           (stale ? ", stale=true" : "");
}

// Takes joe's Digest only. Tunnels lead to `port`; other requests are answered by itself. Each nonce is good
// for `uses`. Keeps its connections after a 407.
class digest_proxy : public scripted::server {
public:
    explicit digest_proxy(std::uint16_t port, std::string algorithm = "SHA-256", int uses = 1000)
        : server([=, this](scripted::peer& p, int) { serve(p, port, algorithm, uses); }) {}

private:
    void serve(scripted::peer& p, std::uint16_t port, const std::string& algorithm, int uses) {
        for (;;) {
            const std::string request = p.read_request();
            if (request.empty()) return;
            note(request);
            const bool right = is_answer(request, algorithm, "n" + std::to_string(nonce_));
            if (!right || used_ >= uses) {
                if (right) {
                    used_ = 0;
                    ++nonce_;
                }
                p.send(asking(digest_of(algorithm, "n" + std::to_string(nonce_), right)));
                continue;
            }
            ++used_;
            if (!request.starts_with("CONNECT")) {
                p.send(ok("through " + scripted::body_of(request)));
                continue;
            }
            p.send("HTTP/1.1 200 OK\r\n\r\n");
            const int there = scripted::connect_to_loopback(port);
            if (there < 0) return;
            scripted::pass_on(p.native_handle(), there);
            ::close(there);
            return;
        }
    }

    std::atomic<int> nonce_{0}; // the tests make one request at a time
    std::atomic<int> used_{0};
};

proxies by_digest(std::uint16_t port, const std::string& who = "http://joe:pw@") {
    return proxies().all(http::proxy(at(port, who)).digest_only());
}

} // namespace

TEST_CASE("proxy digest: a tunnel is asked for again, then the answer is known", "[http][proxy]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue(certificate_request().names("DNS:example.test")));
    const std::string algorithm = GENERATE("MD5", "SHA-256", "SHA-256-sess");
    digest_proxy proxy(server.port(), algorithm);
    auto work = [&]() -> task<> {
        http::client web(client_options().ca_file(authority.ca_file()).proxies(by_digest(proxy.port())));
        for (int i = 0; i < 2; ++i) {
            const http::response r = co_await web.get("https://example.test/x");
            CHECK(r.body() == "example.test");
            web.close_idle();
        }
    };
    scripted::run(work());
    const auto seen = proxy.requests();
    REQUIRE(seen.size() == 3);
    CHECK(field_of(seen[0], "Proxy-Authorization") == "-");
    CHECK(parameter(seen[1], "uri") == "example.test:443");
    CHECK(parameter(seen[1], "nc") == "00000001");
    CHECK(parameter(seen[2], "nc") == "00000002");
    for (const std::string& request : seen)
        CHECK(request.starts_with("CONNECT example.test:443 "));
    for (const std::string& request : server.requests())
        CHECK(request.find("Digest") == std::string::npos);
}

TEST_CASE("proxy digest: a whole request is sent again, on the same connection", "[http][proxy]") {
    digest_proxy proxy(0, "MD5");
    auto work = [&]() -> task<> {
        http::client web(client_options().proxies(by_digest(proxy.port())));
        for (int i = 0; i < 2; ++i) {
            http::request what = http::request("http://user:word@example.test:81/a?b#c").body("text");
            const http::response r = co_await web.send(std::move(what.method(http::method::post)));
            CHECK(r.body() == "through text");
            CHECK(r.history().empty());
        }
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
    const auto seen = proxy.requests();
    REQUIRE(seen.size() == 3);
    CHECK(field_of(seen[0], "Proxy-Authorization") == "-");
    CHECK(parameter(seen[1], "uri") == "http://example.test:81/a?b");
    CHECK(parameter(seen[2], "nc") == "00000002");
    CHECK(field_of(seen[2], "Authorization") == "Basic dXNlcjp3b3Jk"); // the server's are the server's
}

TEST_CASE("proxy digest: after Basic was refused, and from then on", "[http][proxy]") {
    digest_proxy proxy(0);
    auto work = [&]() -> task<> {
        http::client web(client_options().proxies(proxies().all(at(proxy.port(), "http://joe:pw@"))));
        for (int i = 0; i < 2; ++i) {
            const http::response r = co_await web.get("http://example.test/");
            CHECK(r.status() == 200);
        }
    };
    scripted::run(work());
    const auto seen = proxy.requests();
    REQUIRE(seen.size() == 3);
    CHECK(field_of(seen[0], "Proxy-Authorization") == "Basic am9lOnB3");
    CHECK(parameter(seen[1], "nc") == "00000001");
    CHECK(parameter(seen[2], "nc") == "00000002");
}

TEST_CASE("proxy digest: who wants Digest only never sends a password", "[http][proxy]") {
    answering proxy([](const std::string&) { return asking("Basic realm=\"p\""); });
    const auto options = client_options().proxies(by_digest(proxy.port()));
    const auto tunnel = fetch(options, "https://example.test/");
    REQUIRE_FALSE(tunnel);
    CHECK(tunnel.error().code() == http::errc::proxy_refused);
    CHECK(tunnel.error().phase() == request_phase::proxy);
    CHECK_THAT(tunnel.error().detail(), Catch::Contains("407") && Catch::Contains("proxy::digest_only"));
    const auto whole = fetch(options, "http://example.test/");
    REQUIRE(whole);
    CHECK(whole->status() == 407);
    REQUIRE(proxy.requests().size() == 2);
    for (const std::string& request : proxy.requests())
        CHECK(field_of(request, "Proxy-Authorization") == "-");
}

TEST_CASE("proxy digest: a wrong password is not tried twice", "[http][proxy]") {
    digest_proxy proxy(0);
    const auto options = client_options().proxies(by_digest(proxy.port(), "http://joe:secret@"));
    const auto tunnel = fetch(options, "https://example.test/");
    REQUIRE_FALSE(tunnel);
    CHECK(tunnel.error().code() == http::errc::proxy_refused);
    CHECK_THAT(tunnel.error().detail(), Catch::Contains("does not accept"));
    CHECK(tunnel.error().message().find("secret") == std::string::npos);
    CHECK(proxy.requests().size() == 2);
    const auto whole = fetch(options, "http://example.test/");
    REQUIRE(whole);
    CHECK(whole->status() == 407);
    CHECK(whole->body() == "who?");
    CHECK(proxy.requests().size() == 4);
}

TEST_CASE("proxy digest: an old nonce is replaced", "[http][proxy]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue(certificate_request().names("DNS:example.test")));
    digest_proxy proxy(server.port(), "SHA-256", 1); // every second one is old
    auto work = [&]() -> task<> {
        http::client web(client_options().ca_file(authority.ca_file()).proxies(by_digest(proxy.port())));
        for (const char* const url : {"http://a.test/", "https://example.test/", "http://a.test/"}) {
            const http::response r = co_await web.get(url);
            CHECK(r.status() == 200);
        }
    };
    scripted::run(work());
    const auto seen = proxy.requests();
    REQUIRE(seen.size() == 6);
    CHECK(parameter(seen[1], "nonce") == "n0");
    CHECK(parameter(seen[2], "nonce") == "n0"); // the tunnel knows what the request before has learned
    CHECK(parameter(seen[3], "nonce") == "n1");
    CHECK(parameter(seen[5], "nonce") == "n2");
}

TEST_CASE("proxy digest: one that calls every nonce old is given up", "[http][proxy]") {
    std::atomic<int> asked{0};
    answering proxy([&](const std::string&) {
        return asking(digest_of("SHA-256", "n" + std::to_string(++asked), true));
    });
    const auto options = client_options().proxies(by_digest(proxy.port()));
    const auto tunnel = fetch(options, "https://example.test/");
    REQUIRE_FALSE(tunnel);
    CHECK(tunnel.error().code() == http::errc::proxy_refused);
    CHECK(asked == 3);
    const auto whole = fetch(options, "http://example.test/");
    REQUIRE(whole);
    CHECK(whole->status() == 407);
    CHECK(asked == 6);
}

TEST_CASE("proxy digest: no server is answered, be it direct or behind a tunnel", "[http][proxy]") {
    const auto nosy = [](const std::string&) { return asking(digest_of("MD5", "n")); };
    answering direct(nosy);
    const auto bypassing = client_options().proxies(by_digest(1).bypass("127.0.0.1"));
    const auto first = fetch(bypassing, direct.url());
    REQUIRE(first);
    CHECK(first->status() == 407);
    REQUIRE(direct.requests().size() == 1);
    CHECK(field_of(direct.requests()[0], "Proxy-Authorization") == "-");

    answering behind(nosy);
    digest_proxy proxy(behind.port());
    http::request upgrade("http://example.test/");
    upgrade.header("Connection", "Upgrade").header("Upgrade", "websocket");
    const auto second = fetch(client_options().proxies(by_digest(proxy.port())), std::move(upgrade));
    REQUIRE(second);
    CHECK(second->status() == 407);
    REQUIRE(behind.requests().size() == 1);
    CHECK(field_of(behind.requests()[0], "Proxy-Authorization") == "-");
    CHECK(proxy.requests().size() == 2);
}

TEST_CASE("proxy digest: what one proxy has asked for is not for another", "[http][proxy]") {
    digest_proxy usual(0);
    answering other([](const std::string&) { return ok("other"); });
    auto work = [&]() -> task<> {
        http::client web(client_options().proxies(by_digest(usual.port())));
        const http::response first = co_await web.get("http://a.test/");
        CHECK(first.status() == 200);
        http::request what("http://a.test/");
        what.proxy(http::proxy(at(other.port(), "http://joe:pw@")).digest_only());
        const http::response second = co_await web.send(std::move(what));
        CHECK(second.body() == "other");
    };
    scripted::run(work());
    CHECK(field_of(other.requests().at(0), "Proxy-Authorization") == "-");
}

TEST_CASE("proxy digest: a field given by hand is not replaced, nor a body that cannot be sent again",
          "[http][proxy]") {
    digest_proxy proxy(0);
    const auto options = client_options().proxies(by_digest(proxy.port()));
    const auto by_hand =
        fetch(options, http::request("http://a.test/").header("Proxy-Authorization", "by hand"));
    REQUIRE(by_hand);
    CHECK(by_hand->status() == 407);
    CHECK(proxy.requests().size() == 1);
    const auto one = []() -> async_generator<std::string> { co_yield std::string("text"); };
    http::request once("http://a.test/");
    once.method(http::method::post).body(http::request_body::stream_once(one(), 4));
    const auto sent = fetch(options, std::move(once));
    REQUIRE(sent);
    CHECK(sent->status() == 407);
    CHECK(proxy.requests().size() == 2);
}

TEST_CASE("proxy digest: hostile challenges", "[http][proxy]") {
    const std::vector<std::string> challenges{"Digest",
                                              "Digest realm=\"p\"",
                                              "Digest realm=\"p\", nonce=\"n",
                                              "Digest realm=p, nonce=n, qop=auth-int",
                                              "Digest realm=p, nonce=n, qop=auth, algorithm=SHA-512",
                                              std::string(5000, ',')};
    for (const std::string& challenge : challenges) {
        CAPTURE(challenge.substr(0, 60));
        answering proxy([&](const std::string&) { return asking(challenge); });
        const auto options = client_options().proxies(by_digest(proxy.port()));
        const auto tunnel = fetch(options, "https://example.test/");
        REQUIRE_FALSE(tunnel);
        CHECK(tunnel.error().code() == http::errc::proxy_refused);
        const auto whole = fetch(options, "http://example.test/");
        REQUIRE(whole);
        CHECK(whole->status() == 407);
        CHECK(proxy.requests().size() == 2);
    }
}

TEST_CASE("proxy digest: cancelled anywhere", "[http][proxy]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue(certificate_request().names("DNS:example.test")));
    digest_proxy proxy(server.port());
    auto work = [&]() -> task<> {
        auto scenario = [&]() -> task<> {
            http::client web(client_options().ca_file(authority.ca_file()).proxies(by_digest(proxy.port())));
            const http::response r = co_await web.get("https://example.test/");
            CHECK(r.body() == "example.test");
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 7); // both connections, and what is said on each
        co_await scenario();
    };
    tests::run_on_loop(work());
}
