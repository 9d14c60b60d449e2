// The way to the server: Unix sockets, local addresses, the address guard, given addresses, resumed sessions.
#include "tests/support/catch.hpp"

#include "tests/http/proxy_support.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/tls_server.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/http/client.hpp>
#include <tandem/testing/cancel_everywhere.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>

using namespace tandem;
using namespace std::chrono_literals;
using http::client_options;
using http::proxies;
using http::request_phase;
using scripted::answering;
using scripted::at;
using scripted::fetch;
using scripted::field_of;
using scripted::ok;
using test_support::certificate_authority;

namespace {

void refused(const http::result<http::response>& r, const std::string& words) {
    REQUIRE_FALSE(r);
    CAPTURE(r.error().message());
    CHECK(r.error().code() == http::errc::address_refused);
    CHECK(r.error().phase() == request_phase::connect);
    CHECK_THAT(r.error().detail(), Catch::Contains(words));
}

client_options guarded(address_guard guard = address_guard()) {
    client_options options;
    options.address_guard(std::move(guard));
    return options;
}

std::string on(std::uint16_t port, const std::string& host, const std::string& path = "/") {
    return "http://" + host + ":" + std::to_string(port) + path;
}

// The address that a connection comes from.
std::string peer_of(const scripted::peer& p) {
    sockaddr_in name{};
    socklen_t size = sizeof(name);
    ::getpeername(p.native_handle(), reinterpret_cast<sockaddr*>(&name), &size);
    char text[INET_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text));
    return text;
}

} // namespace

TEST_CASE("address guard: literals, names, redirects", "[http][guard]") {
    answering server([](const std::string&) { return ok("inside"); });
    const std::uint16_t port = server.port();
    refused(fetch(guarded(), server.url()), "127.0.0.1:" + std::to_string(port) + ": a loopback address");
    refused(fetch(guarded(), on(port, "localhost")), "a loopback address");
    refused(fetch(guarded(), on(port, "2130706433")), "a loopback address"); // what URLs make of a number
    refused(fetch(guarded(), on(port, "0x7f.1")), "a loopback address");
    refused(fetch(guarded(), on(port, "0")), "an unspecified address");
    refused(fetch(guarded(), on(port, "[::1]")), "a loopback address");
    refused(fetch(guarded(), on(port, "[::ffff:127.0.0.1]")), "a loopback address");
    refused(fetch(guarded(), "http://169.254.169.254/latest/meta-data/"), "metadata");
    refused(fetch(guarded(), "http://[fd00:ec2::254]/"), "metadata");
    refused(fetch(guarded(), "http://[64:ff9b::7f00:1]/"), "IPv4 address that is not public");
    refused(fetch(guarded().resolve("inside.test", {"127.0.0.1", "::1"}), on(port, "inside.test")),
            "2 addresses tried");
    CHECK(server.connections() == 0);

    const auto allowed = fetch(guarded(address_guard().allow("127.0.0.0/8")), server.url());
    REQUIRE(allowed);
    CHECK(allowed->body() == "inside");
    // Of several addresses the one that is allowed.
    const auto one =
        guarded(address_guard().allow("127.0.0.1")).resolve("both.test", {"10.0.0.1", "127.0.0.1"});
    CHECK(fetch(one, on(port, "both.test")));

    answering outside([&](const std::string&) {
        return "HTTP/1.1 302 Found\r\nLocation: " + on(port, "127.0.0.2") + "\r\nContent-Length: 0\r\n\r\n";
    });
    refused(fetch(guarded(address_guard().allow("127.0.0.1")), outside.url()), "127.0.0.2");
    CHECK(outside.requests().size() == 1);
}

TEST_CASE("address guard: a name is asked for once, so its answer cannot change between", "[http][guard]") {
    answering server([](const std::string&) { return ok("inside"); });
    int asked = 0;
    auto rebinding = [&](std::string) -> task<std::vector<std::string>> {
        const char* const address = ++asked == 1 ? "127.0.0.1" : "127.0.0.2";
        co_return std::vector<std::string>(1, address);
    };
    const auto options = guarded(address_guard().allow("127.0.0.1")).resolver(rebinding);
    CHECK(fetch(options, on(server.port(), "rebind.test")));
    CHECK(asked == 1);
    refused(fetch(options, on(server.port(), "rebind.test")), "127.0.0.2"); // a new connection, a new answer
    CHECK(asked == 2);
}

TEST_CASE("address guard: behind a proxy", "[http][guard]") {
    answering proxy([](const std::string&) { return ok("by the proxy"); });
    const auto by = [&](address_guard guard, const char* scheme) {
        return guarded(std::move(guard)).proxies(proxies().all(scheme + proxy.host_port()));
    };
    // The proxy's own address is the program's choice; that of the URL is not.
    refused(fetch(by(address_guard(), "http://"), "http://127.0.0.1/"), "127.0.0.1: a loopback address");
    refused(fetch(by(address_guard().trust_proxies(true), "http://"), "http://10.0.0.1/"),
            "a private address");
    refused(fetch(by(address_guard().trust_proxies(true), "socks5h://"), "http://[::1]/"),
            "a loopback address");
    refused(fetch(by(address_guard(), "http://"), "http://example.test/"), "trust_proxies");
    CHECK(proxy.connections() == 0);
    CHECK(fetch(by(address_guard().trust_proxies(true), "http://"), "http://example.test/"));
    CHECK(fetch(by(address_guard(), "http://"), "http://192.1.2.3/"));
    // With socks5 names are looked up, and checked, here.
    auto local = by(address_guard(), "socks5://");
    refused(fetch(local.resolve("example.test", {"10.0.0.1"}), "http://example.test/"),
            "10.0.0.1: a private");
    answering server([](const std::string&) { return ok("x"); });
    scripted::socks_proxy socks(server.port());
    auto through = guarded().proxies(proxies().all("socks5://" + socks.host_port()));
    CHECK(fetch(through.resolve("example.test", {"10.0.0.1", "192.1.2.3"}), "http://example.test/"));
    CHECK(socks.requests().at(0) == "0 1 192.1.2.3. 80");
    // Only one address can be asked for, and not every proxy has IPv6.
    auto both = guarded().proxies(proxies().all("socks5://" + socks.host_port()));
    CHECK(fetch(both.resolve("example.test", {"2a00::1", "192.1.2.4"}), "http://example.test/"));
    CHECK(socks.requests().at(1) == "0 1 192.1.2.4. 80");
}

TEST_CASE("a request for an upgrade goes through a tunnel, on a connection of its own", "[http][proxy]") {
    answering server([](const std::string& r) { return ok(field_of(r, "Proxy-Authorization")); });
    scripted::connect_proxy proxy(server.port());
    auto work = [&]() -> task<> {
        http::client web(http::client_options()
                             .http2(http::http2_use::off)
                             .proxies(proxies().all("http://joe:pw@" + proxy.host_port())));
        for (int i = 0; i < 2; ++i) {
            http::request what("http://example.test/");
            what.header("Connection", "Upgrade").header("Upgrade", "websocket");
            const http::response r = co_await web.send(std::move(what));
            CHECK(r.body() == "-"); // the server sees nothing of the proxy's credentials
            CHECK(r.connection_reused() == (i == 1));
        }
    };
    scripted::run(work());
    REQUIRE(proxy.requests().size() == 1);
    CHECK(proxy.requests()[0].starts_with("CONNECT example.test:80 "));
    CHECK(field_of(proxy.requests()[0], "Proxy-Authorization") == "Basic am9lOnB3");
}

TEST_CASE("what was meant for a proxy does not go to a server without one", "[http][proxy]") {
    answering server([](const std::string& r) { return ok(field_of(r, "Proxy-Authorization")); });
    const auto options = client_options()
                             .header("Proxy-Authorization", "Basic secret")
                             .proxies(proxies().http("http://p.test:1"));
    auto bypassing = options;
    bypassing.proxies(proxies().http("http://p.test:1").bypass("127.0.0.1"));
    const auto got = fetch(bypassing, server.url());
    REQUIRE(got);
    CHECK(got->body() == "-");
}

TEST_CASE("a URL that connect_to leads elsewhere goes there by a proxy, too", "[http][proxy]") {
    answering server([](const std::string& r) { return ok(scripted::target_of(r)); });
    scripted::connect_proxy proxy(server.port());
    const auto got = fetch(client_options()
                               .connect_to("example.test:80", "staging.test:8080")
                               .proxies(proxies().all("http://" + proxy.host_port())),
                           "http://example.test/path");
    REQUIRE(got);
    CHECK(got->body() == "/path");
    REQUIRE(proxy.requests().size() == 1);
    CHECK(proxy.requests()[0].starts_with("CONNECT staging.test:8080 "));
}

TEST_CASE("a request's own proxy, or none, whatever the client's is", "[http][proxy]") {
    answering server([](const std::string& r) { return ok("direct " + field_of(r, "Proxy-Authorization")); });
    answering usual([](const std::string& r) { return ok("usual " + field_of(r, "Proxy-Authorization")); });
    answering other([](const std::string& r) { return ok("other " + field_of(r, "Proxy-Authorization")); });
    auto work = [&]() -> task<> {
        http::client web(client_options().proxies(proxies().all(at(usual.port(), "http://joe:a@"))));
        const std::string url = server.url("/x");
        for (const bool again : {false, true}) {
            const auto expect = [&](const http::response& r, const std::string& body) {
                CHECK(r.body() == body);
                CHECK(r.connection_reused() == again); // of its own kind: nobody else's
            };
            const http::response by_usual = co_await web.get(url);
            expect(by_usual, "usual Basic am9lOmE=");
            http::request ann = http::request(url).proxy(at(other.port(), "http://ann:b@"));
            const http::response by_other = co_await web.send(std::move(ann));
            expect(by_other, "other Basic YW5uOmI=");
            http::request bob = http::request(url).proxy(at(other.port(), "http://bob:b@"));
            const http::response by_bob = co_await web.send(std::move(bob)); // another user of that proxy
            expect(by_bob, "other Basic Ym9iOmI=");
            http::request nobody = http::request(url).proxy(at(other.port()));
            const http::response by_nobody = co_await web.send(std::move(nobody));
            expect(by_nobody, "other -");
            http::request none = http::request(url).no_proxy();
            const http::response direct = co_await web.send(std::move(none));
            expect(direct, "direct -");
        }
        // The client's own proxy by its name: its connection.
        http::request same = http::request(url).proxy(at(usual.port(), "http://joe:a@"));
        const http::response shared = co_await web.send(std::move(same));
        CHECK(shared.connection_reused());
        CHECK(web.counters().connections_opened == 5);
    };
    scripted::run(work());
    CHECK(usual.connections() == 1);
    CHECK(other.connections() == 3);
    CHECK(server.connections() == 1);
    CHECK(scripted::target_of(usual.requests().at(0)) == server.url("/x"));
    CHECK(scripted::target_of(server.requests().at(0)) == "/x");
}

TEST_CASE("a request's own proxy: its users are told apart wherever their names end", "[http][proxy]") {
    answering other([](const std::string& r) { return ok(field_of(r, "Proxy-Authorization")); });
    auto work = [&]() -> task<> {
        http::client web;
        for (const char* const user : {"http://ab:c@", "http://a:bc@", "http://abc@", "http://abc:@"}) {
            http::request what = http::request("http://a.test/").proxy(at(other.port(), user));
            const http::response r = co_await web.send(std::move(what));
            // "abc" without a password is "abc" with an empty one.
            CHECK(r.connection_reused() == (std::string(user) == "http://abc:@"));
        }
    };
    scripted::run(work());
    CHECK(other.connections() == 3);
}

TEST_CASE("a request's own proxy: tunnels are not mixed up", "[http][proxy]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue(test_support::certificate_request().names("DNS:a.test")));
    scripted::connect_proxy usual(server.port());
    scripted::connect_proxy other(server.port());
    scripted::socks_proxy socks(server.port());
    auto work = [&]() -> task<> {
        http::client web(client_options()
                             .ca_file(authority.ca_file())
                             .resolve("a.test", {"127.0.0.1"})
                             .proxies(proxies().all(at(usual.port(), "http://joe:a@"))));
        const std::string url = server.url("a.test");
        for (const bool again : {false, true}) {
            const http::response first = co_await web.get(url);
            CHECK(first.connection_reused() == again);
            http::request ann = http::request(url).proxy(at(other.port(), "http://ann:b@"));
            const http::response second = co_await web.send(std::move(ann));
            CHECK(second.connection_reused() == again);
            http::request by_socks = http::request(url).proxy(at(socks.port(), "socks5h://"));
            const http::response third = co_await web.send(std::move(by_socks));
            CHECK(third.connection_reused() == again);
            http::request none = http::request(url).no_proxy();
            const http::response fourth = co_await web.send(std::move(none));
            CHECK(fourth.connection_reused() == again);
        }
    };
    scripted::run(work());
    REQUIRE(usual.requests().size() == 1);
    CHECK(field_of(usual.requests()[0], "Proxy-Authorization") == "Basic am9lOmE=");
    REQUIRE(other.requests().size() == 1);
    CHECK(field_of(other.requests()[0], "Proxy-Authorization") == "Basic YW5uOmI=");
    CHECK(socks.requests().size() == 1);
    for (const std::string& request : server.requests())
        CHECK(field_of(request, "Proxy-Authorization") == "-");
}

TEST_CASE("a request's own proxy: redirects, fields by hand, upgrades", "[http][proxy]") {
    answering usual([](const std::string&) { return ok("usual"); });
    answering other([](const std::string& r) {
        if (scripted::target_of(r) == "http://a.test/moved")
            return std::string("HTTP/1.1 302 Found\r\nLocation: http://b.test/\r\nContent-Length: 0\r\n\r\n");
        return ok("other " + field_of(r, "Proxy-Authorization"));
    });
    auto options = client_options()
                       .header("Proxy-Authorization", "for the usual one")
                       .proxies(proxies().all(at(usual.port())));
    const auto moved =
        fetch(options, http::request("http://a.test/moved").proxy(at(other.port(), "http://joe:pw@")));
    REQUIRE(moved);
    CHECK(moved->body() == "other Basic am9lOnB3");
    CHECK(other.requests().size() == 2);
    CHECK(field_of(other.requests()[0], "Proxy-Authorization") == "Basic am9lOnB3");
    const auto without = fetch(options, http::request("http://a.test/").proxy(at(other.port())));
    REQUIRE(without);
    CHECK(without->body() == "other -"); // what the client's fields say is not for this proxy
    const auto by_hand = fetch(
        options,
        http::request("http://a.test/").proxy(at(other.port())).header("Proxy-Authorization", "by hand"));
    REQUIRE(by_hand);
    CHECK(by_hand->body() == "other by hand");
    CHECK(usual.connections() == 0);

    answering server([](const std::string& r) { return ok(field_of(r, "Proxy-Authorization")); });
    scripted::connect_proxy tunnel(server.port());
    const auto upgraded = fetch(options, http::request("http://a.test/")
                                             .proxy(at(tunnel.port(), "http://joe:pw@"))
                                             .header("Connection", "Upgrade")
                                             .header("Upgrade", "websocket"));
    REQUIRE(upgraded);
    CHECK(upgraded->body() == "-");
    CHECK(tunnel.requests().at(0).starts_with("CONNECT a.test:80 "));
}

TEST_CASE("a request's own proxy: the guard holds, a Unix socket comes first", "[http][proxy][guard]") {
    answering proxy([](const std::string&) { return ok("by the proxy"); });
    refused(fetch(guarded(), http::request("http://example.test/").proxy(at(proxy.port()))), "trust_proxies");
    refused(fetch(guarded(), http::request("http://10.0.0.1/").proxy(at(proxy.port()))), "a private address");
    CHECK(proxy.connections() == 0);
    CHECK(fetch(guarded(), http::request("http://192.1.2.3/").proxy(at(proxy.port()))));

    const tests::temporary_folder folder;
    answering local(folder / "socket", [](const std::string&) { return ok("local"); });
    const auto r = fetch(client_options().unix_socket(folder / "socket"),
                         http::request("http://docker/").proxy(at(proxy.port())));
    REQUIRE(r);
    CHECK(r->body() == "local");

    http::request what("http://example.test/");
    CHECK_FALSE(what.proxy_chosen());
    CHECK_THROWS_AS(what.proxy("ftp://h"), std::invalid_argument);
    CHECK_FALSE(what.proxy_chosen());
    what.proxy("socks5h://h:1");
    REQUIRE(what.proxy());
    CHECK(what.proxy()->name() == "socks5h://h:1");
    what.no_proxy();
    CHECK(what.proxy_chosen());
    CHECK_FALSE(what.proxy());
}

TEST_CASE("how long a name took is known, and not counted as connecting", "[http]") {
    answering server([](const std::string&) { return ok("x"); });
    const std::string port = server.url().substr(server.url().rfind(':'));
    const auto named =
        fetch(client_options().resolve("example.test", {"127.0.0.1"}), "http://example.test" + port);
    REQUIRE(named);
    CHECK(named->timings().dns > 0ns);
    CHECK(named->timings().connect > 0ns);
    CHECK(named->timings().dns + named->timings().connect <= named->timings().total);
    const auto literal = fetch(client_options(), server.url());
    REQUIRE(literal);
    CHECK(literal->timings().dns == 0ns);
}

TEST_CASE("given addresses", "[http]") {
    answering server([](const std::string& request) { return ok(field_of(request, "Host")); });
    const auto r =
        fetch(client_options().resolve("Example.TEST", {"127.0.0.1"}), on(server.port(), "example.test"));
    REQUIRE(r);
    CHECK(r->body() == "example.test:" + std::to_string(server.port()));
    CHECK_THROWS_AS(client_options().resolve("a.test", {}), std::invalid_argument);
    CHECK_THROWS_AS(client_options().resolve("a.test", {"b.test"}), std::invalid_argument);
    CHECK_THROWS_AS(client_options().resolve("127.0.0.1", {"127.0.0.1"}), std::invalid_argument);
    CHECK_THROWS_AS(client_options().resolve("a b", {"127.0.0.1"}), std::invalid_argument);
    CHECK_THROWS_AS(client_options().resolve("a/b", {"127.0.0.1"}), std::invalid_argument);
}

TEST_CASE("a local address, and options of TCP", "[http]") {
    scripted::server server([](scripted::peer& p, int) {
        p.read_request();
        p.send(ok(peer_of(p)));
    });
    const auto local = fetch(client_options().socket(socket_options()
                                                         .local_address("127.0.0.7")
                                                         .keep_alive(30s)
                                                         .user_timeout(10s)
                                                         .receive_buffer(32768)
                                                         .send_buffer(32768)),
                             server.url());
    REQUIRE(local);
    CHECK(local->body() == "127.0.0.7");
    const auto wrong_family =
        fetch(client_options().socket(socket_options().local_address("::1")), server.url());
    REQUIRE_FALSE(wrong_family);
    CHECK_THAT(wrong_family.error().detail(), Catch::Contains("socket_options::local_address"));
    const auto not_ours =
        fetch(client_options().socket(socket_options().local_address("192.0.2.1")), server.url());
    REQUIRE_FALSE(not_ours);
    CHECK(not_ours.error().phase() == request_phase::connect);
}

TEST_CASE("Unix sockets, for all requests and for one origin", "[http]") {
    const tests::temporary_folder folder;
    const std::string path = folder / "socket";
    answering local(path,
                    [](const std::string& request) { return ok("local " + field_of(request, "Host")); });
    const auto all = fetch(client_options().unix_socket(path).proxies(proxies().all("http://127.0.0.1:1")),
                           "http://docker/containers");
    REQUIRE(all);
    CHECK(all->body() == "local docker");
    answering server([](const std::string&) { return ok("remote"); });
    const auto one = client_options().unix_socket("http://docker", path);
    CHECK(fetch(one, "http://docker/x")->body() == "local docker");
    CHECK(fetch(one, server.url())->body() == "remote");
    CHECK(fetch(client_options(one).address_guard(address_guard()), "http://docker/")); // no address to guard
    const auto missing = fetch(client_options().unix_socket(folder / "none"), "http://docker/");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().phase() == request_phase::connect);
    CHECK_THAT(missing.error().detail(), Catch::Contains("none: No such file"));
    CHECK_THROWS_AS(client_options().unix_socket("docker", path), std::invalid_argument);
    CHECK_THROWS_AS(client_options().unix_socket("http://docker/x", path), std::invalid_argument);
}

TEST_CASE("every new connection after the first resumes its session", "[http][tls]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue());
    auto work = [&]() -> task<> {
        http::client web(client_options().ca_file(authority.ca_file()));
        for (int i = 0; i < 20; ++i) {
            const http::response r = co_await web.get(server.url("localhost"));
            CHECK(r.body() == "localhost");
            web.close_idle();
        }
        const http::client_counters now = web.counters();
        CHECK(now.tls_handshakes == 20);
        CHECK(now.tls_resumable == 19);
        CHECK(now.tls_resumed == 19);
    };
    scripted::run(work());
}

TEST_CASE("tls options of a client", "[http][tls]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue());
    SSL_CTX_set_min_proto_version(server.context(), TLS1_3_VERSION);
    CHECK(fetch(client_options().tls(tls_options().ca_file(authority.ca_file())), server.url("localhost")));
    const auto old =
        fetch(client_options().tls(
                  tls_options().ca_file(authority.ca_file()).versions(tls_version::v1_2, tls_version::v1_2)),
              server.url("localhost"));
    REQUIRE_FALSE(old);
    CHECK(old.error().is_tls());
    CHECK_THAT(old.error().detail(), Catch::Contains("version"));
    const auto pinned = fetch(
        client_options().tls(
            tls_options().ca_file(authority.ca_file()).pin("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
        server.url("localhost"));
    REQUIRE_FALSE(pinned);
    CHECK_THAT(pinned.error().detail(), Catch::Contains("tls_options::pin"));
    CHECK_THROWS_AS(
        http::client(client_options().tls(tls_options().certificate("/nonexistent", "/nonexistent"))),
        system_error);
}

TEST_CASE("a server that wants a certificate says so after the handshake, and the error tells it",
          "[http][tls]") {
    certificate_authority authority;
    scripted::tls_server server(authority.issue());
    SSL_CTX_set_verify(server.context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const auto r = fetch(client_options().ca_file(authority.ca_file()), server.url("localhost"));
    REQUIRE_FALSE(r);
    CHECK_THAT(r.error().message(), Catch::Contains("certificate required"));
}
