// Sessions that are resumed: what the cache keeps, and what a handshake does with it.
#include "lib/net/tls_session_cache.hpp"

#include "tests/net/stream_support.hpp"

#include <ctime>
#include <string>
#include <vector>

#include <openssl/ssl.h>

using namespace stream_test;
using tandem::tls_options;
using tandem::tls_version;
using tandem::net::tls_session_cache;

namespace {

class seen {
public:
    seen() {}
    bool offered = false;
    bool resumed = false;
};

// A connection over which the server says a word, after its tickets. It is cut off: nobody says goodbye.
task<seen> talk(tls_context& client, tls_context& server, std::string host, std::uint16_t port) {
    const auto fds = local_pair();
    ends e(stream(home(), fds.first), stream(home(), fds.second));
    const auto [l, r] = co_await tandem::when_all(e.left.handshake_client(client, std::move(host), port),
                                                  e.right.handshake_server(server));
    REQUIRE(l == error_code());
    REQUIRE(r == error_code());
    co_await e.right.write("word");
    const std::string text = co_await read_text(e.left);
    REQUIRE(text == "word");
    seen s;
    s.offered = e.left.tls_offered();
    s.resumed = e.left.tls_resumed();
    CHECK_FALSE(e.right.tls_offered());
    co_return s;
}

seen talk_once(tls_context& client, tls_context& server, const std::string& host = "localhost",
               std::uint16_t port = 443) {
    return tests::run_on_loop(talk, std::ref(client), std::ref(server), host, port);
}

tls_options trusting() {
    return tls_options().ca_file(tls().authority.ca_file());
}

tls_session_cache::session session_of(int version, long age = 0, long lifetime = 100) {
    SSL_SESSION* const made = SSL_SESSION_new();
    SSL_SESSION_set_protocol_version(made, version);
    static const unsigned char id[] = {1};
    SSL_SESSION_set1_id(made, id, sizeof(id)); // without one, or a ticket, nothing can be resumed
    SSL_SESSION_set_time(made, std::time(nullptr) - age);
    SSL_SESSION_set_timeout(made, lifetime);
    return tls_session_cache::session(made);
}

} // namespace

TEST_CASE("tls sessions: a ticket of TLS 1.3 is taken once, one of TLS 1.2 stays", "[net][tls]") {
    tls_session_cache cache(10);
    CHECK_FALSE(cache.take("a:1"));
    cache.put("a:1", session_of(TLS1_3_VERSION));
    cache.put("b:1", session_of(TLS1_2_VERSION));
    CHECK_FALSE(cache.take("a:2"));
    CHECK(cache.take("a:1"));
    CHECK_FALSE(cache.take("a:1"));
    CHECK(cache.take("b:1"));
    CHECK(cache.take("b:1"));
    CHECK(cache.size() == 1);
}

TEST_CASE("tls sessions: the newest first, expired ones never", "[net][tls]") {
    tls_session_cache cache(10);
    auto first = session_of(TLS1_3_VERSION);
    auto second = session_of(TLS1_3_VERSION);
    const SSL_SESSION* const newest = second.get();
    cache.put("a:1", std::move(first));
    cache.put("a:1", std::move(second));
    CHECK(cache.take("a:1").get() == newest);
    CHECK(cache.size() == 1);
    cache.put("b:1", session_of(TLS1_3_VERSION, 100, 100));
    cache.put("b:1", session_of(TLS1_3_VERSION, -100, 100)); // of the future: the clock was set back
    CHECK(cache.size() == 1);
    auto old = session_of(TLS1_2_VERSION);
    SSL_SESSION* const kept = old.get();
    cache.put("c:1", std::move(old));
    SSL_SESSION_set_time(kept, std::time(nullptr) - 100);
    CHECK_FALSE(cache.take("c:1"));
    CHECK(cache.size() == 1);
}

TEST_CASE("tls sessions: bounds", "[net][tls]") {
    tls_session_cache cache(20);
    for (int i = 0; i < 100; ++i)
        cache.put("a:1", session_of(TLS1_3_VERSION));
    CHECK(cache.size() == tls_session_cache::most_per_host);
    cache.put("b:1", session_of(TLS1_2_VERSION));
    for (int i = 0; i < 100; ++i) {
        cache.put("host" + std::to_string(i), session_of(TLS1_3_VERSION));
        REQUIRE(cache.take("b:1")); // used, so it is not the one that goes
    }
    CHECK(cache.size() == 20);
    CHECK_FALSE(cache.take("host80"));
    CHECK(cache.take("host99"));
    tls_session_cache none(0);
    none.put("a:1", session_of(TLS1_3_VERSION));
    CHECK(none.size() == 0);
}

TEST_CASE("tls sessions: every handshake but the first is resumed", "[net][tls]") {
    for (const tls_version version : {tls_version::v1_2, tls_version::v1_3}) {
        CAPTURE(static_cast<int>(version));
        tls_context client = tls_context::client(trusting().versions(version, version));
        tls_context server = tls_context::server(tls().files.certificate, tls().files.key);
        CHECK_FALSE(talk_once(client, server).offered);
        int offered = 0;
        int resumed = 0;
        for (int i = 0; i < 20; ++i) {
            const seen s = talk_once(client, server);
            offered += s.offered;
            resumed += s.resumed;
        }
        CHECK(offered == 20);
        CHECK(resumed == 20);
        // Another port, another host, another context.
        CHECK_FALSE(talk_once(client, server, "localhost", 444).offered);
        CHECK_FALSE(talk_once(client, server, "127.0.0.1").offered);
        tls_context another = tls_context::client(trusting().versions(version, version));
        CHECK_FALSE(talk_once(another, server).offered);
        CHECK(talk_once(client, server, "localhost.").resumed); // the same host
    }
}

TEST_CASE("tls sessions: tickets that come when their context has gone", "[net][tls]") {
    tests::run_on_loop([]() -> task<> {
        tls_context server = tls_context::server(tls().files.certificate, tls().files.key);
        const auto fds = local_pair();
        ends e(stream(home(), fds.first), stream(home(), fds.second));
        {
            tls_context client =
                tls_context::client(trusting().versions(tls_version::v1_3, tls_version::v1_3));
            const auto [l, r] = co_await tandem::when_all(e.left.handshake_client(client, "localhost", 443),
                                                          e.right.handshake_server(server));
            REQUIRE(l == error_code());
            REQUIRE(r == error_code());
        }
        co_await e.right.write("word");
        const std::string text = co_await read_text(e.left); // behind the tickets
        CHECK(text == "word");
    });
}

TEST_CASE("tls sessions: none is kept where none is to be", "[net][tls]") {
    tls_context client = tls_context::client(trusting().kept_sessions(0));
    CHECK(client.sessions() == nullptr);
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(talk_once(client, tls().server).offered);
}

TEST_CASE("tls sessions: a server that has forgotten gets a whole handshake", "[net][tls]") {
    tls_context client = tls_context::client(trusting());
    tls_context server = tls_context::server(tls().files.certificate, tls().files.key);
    CHECK_FALSE(talk_once(client, server).offered);
    tls_context restarted = tls_context::server(tls().files.certificate, tls().files.key);
    const seen s = talk_once(client, restarted);
    CHECK(s.offered);
    CHECK_FALSE(s.resumed);
}

TEST_CASE("tls sessions: who is not believed leaves none behind", "[net][tls]") {
    test_support::certificate_authority stranger;
    tls_context client = tls_context::client(tls_options().ca_file(stranger.ca_file()));
    for (int i = 0; i < 2; ++i) {
        const bool refused = tests::run_on_loop(
            [](tls_context& c) -> task<bool> {
                const auto fds = local_pair();
                ends e(stream(home(), fds.first), stream(home(), fds.second));
                auto left = [&]() -> task<error_code> {
                    const error_code ec = co_await e.left.handshake_client(c, "localhost");
                    e.left.close();
                    co_return ec;
                };
                const auto [l, r] = co_await tandem::when_all(left(), e.right.handshake_server(tls().server));
                co_return l&& r;
            },
            std::ref(client));
        CHECK(refused);
        CHECK(client.sessions()->size() == 0);
    }
}
