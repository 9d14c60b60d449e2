// TLS within TLS, as through an https proxy.
#include "lib/net/tunnel_bio.hpp"

#include "tests/net/stream_support.hpp"

#include <functional>
#include <string>

using namespace stream_test;
using tandem::net::tls_errc;

namespace {

// A proxy: TLS with the client, and what comes out of it goes, as it is, to the server and back.
task<> relay(stream& from, stream& to) {
    std::string buffer(3000, '\0'); // cuts records in two
    for (;;) {
        const io_result got = co_await from.read_some(buffer.data(), buffer.size());
        if (got.error || got.bytes == 0) break;
        const io_result sent = co_await to.write(std::string_view(buffer.data(), got.bytes));
        if (sent.error) break;
    }
    to.shutdown();
}

class triple {
public:
    triple(ends f, ends b) : front(std::move(f)), back(std::move(b)) {}
    stream& client() { return front.left; }
    stream& server() { return back.right; }
    ends front; // client and proxy
    ends back;  // proxy and server
};

void with_proxy(std::function<task<>(triple&)> body) {
    tests::run_on_loop(
        [](std::function<task<>(triple&)> act) -> task<> {
            const auto a = local_pair();
            const auto b = local_pair();
            triple t(ends(stream(home(), a.first), stream(home(), a.second)),
                     ends(stream(home(), b.first), stream(home(), b.second)));
            const auto [l, r] =
                co_await tandem::when_all(t.client().handshake_client(tls().client, "127.0.0.1"),
                                          t.front.right.handshake_server(tls().server));
            REQUIRE(l == error_code());
            REQUIRE(r == error_code());
            co_await tandem::when_all(relay(t.front.right, t.back.left), relay(t.back.left, t.front.right),
                                      act(t));
        },
        std::move(body));
}

task<> inner_handshake(triple& t) {
    const auto [l, r] = co_await tandem::when_all(t.client().handshake_client(tls().client, "localhost"),
                                                  t.server().handshake_server(tls().server));
    CHECK(l == error_code());
    CHECK(r == error_code());
}

} // namespace

TEST_CASE("tls in tls: bytes in both directions, and the end", "[net][tls]") {
    with_proxy([](triple& t) -> task<> {
        co_await inner_handshake(t);
        const std::string large(1'000'000, 'x');
        std::string at_server;
        std::string at_client;
        auto say = [](stream& s, const std::string& text) -> task<> {
            const io_result sent = co_await s.write(text);
            CHECK(sent.error == error_code());
            const error_code ended = co_await s.finish();
            CHECK(ended == error_code());
        };
        const auto [one, other, said, answered] = co_await tandem::when_all(
            read_all(t.client(), at_client, 5000), read_all(t.server(), at_server, 70000),
            say(t.client(), large), say(t.server(), large + "y"));
        CHECK(one.error == error_code()); // each end was said with close_notify
        CHECK(other.error == error_code());
        CHECK(at_server == large);
        CHECK(at_client == large + "y");
    });
}

TEST_CASE("tls in tls: small pieces that wait within the outer session", "[net][tls]") {
    with_proxy([](triple& t) -> task<> {
        co_await inner_handshake(t);
        for (int i = 0; i < 20; ++i)
            co_await t.server().write("abc"); // several inner records in one outer record
        std::string got;
        while (got.size() < 60) {
            const error_code ready = co_await t.client().wait_readable();
            CHECK(ready == error_code());
            char byte = 0;
            const io_result one = co_await t.client().read_some(&byte, 1);
            REQUIRE(one.bytes == 1);
            got += byte;
        }
        CHECK(got.substr(0, 6) == "abcabc");
        CHECK_FALSE(t.client().has_input());
        t.server().close();
        t.client().close();
    });
}

TEST_CASE("tls in tls: the server is verified for its own name", "[net][tls]") {
    with_proxy([](triple& t) -> task<> {
        auto refuse = [](stream& s) -> task<error_code> {
            const error_code ec = co_await s.handshake_client(tls().client, "example.test");
            s.shutdown();
            s.close();
            co_return ec;
        };
        const auto [l, r] =
            co_await tandem::when_all(refuse(t.client()), t.server().handshake_server(tls().server));
        CHECK(l == tls_errc::certificate_rejected);
        CHECK(r);
        CHECK_THAT(t.client().tls_failure(), Catch::Contains("not for example.test"));
        t.server().close();
    });
}

TEST_CASE("tls in tls: a proxy that cuts the connection off", "[net][tls]") {
    with_proxy([](triple& t) -> task<> {
        co_await inner_handshake(t);
        t.server().close(); // the proxy ends its own session in order, the server's has not ended
        std::string got;
        const io_result end = co_await read_all(t.client(), got);
        CHECK(end.error == tls_errc::truncated);
        t.client().close();
    });
}
