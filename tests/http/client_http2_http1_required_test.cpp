// Servers that speak HTTP/2 only to say that they want HTTP/1.1 (HTTP_1_1_REQUIRED, RFC 9113, 7).
#include "tests/support/catch.hpp"

#include "tests/http/h2_peer.hpp"
#include "tests/http/tls_relay.hpp"

#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/client.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

using namespace tandem;
using http::protocol;
using scripted::tls_relay;
using test_support::certificate_authority;

namespace {

constexpr std::uint32_t http1_required = NGHTTP2_HTTP_1_1_REQUIRED;

// Over HTTP/1.1 the answer is the request's method and body, over HTTP/2 what
// `over_http2` does.
tls_relay::script server_with(std::function<void(h2_test::peer&)> over_http2) {
    return [over_http2](scripted::peer& plain, bool http2, int) {
        if (http2) {
            h2_test::peer p(plain);
            if (p.begin()) over_http2(p);
            return;
        }
        for (;;) {
            const std::string request = plain.read_request();
            if (request.empty()) return;
            plain.send(scripted::ok(request.substr(0, request.find(' ')) + " " + scripted::body_of(request)));
        }
    };
}

void resets(h2_test::peer& p) {
    p.serve([](h2_test::peer& to, const h2_test::request& r) { to.reset(r.id, http1_required); });
}

http::client_options trusting(const certificate_authority& authority) {
    return http::client_options().ca_file(authority.ca_file());
}

async_generator<std::string> two_pieces() {
    co_yield std::string("one,");
    co_yield std::string("two");
}

bool says(const http::result<http::response>& got, std::string_view words) {
    return !got && got.error().message().find(words) != std::string::npos;
}

} // namespace

TEST_CASE("http1 required: a stream that is reset so is repeated over "
          "HTTP/1.1, and the origin remembered") {
    certificate_authority authority;
    tls_relay server(authority.issue(), server_with(resets));
    auto work = [&]() -> task<> {
        http::client web(trusting(authority));
        const http::response posted = co_await web.post(server.url(), "body", "text/plain");
        CHECK(posted.body() == "POST body");
        CHECK(posted.protocol() == protocol::http1_1);
        CHECK(web.counters().retries == 1);
        http::request streamed(server.url());
        streamed.method(http::method::put).body(http::request_body::stream(two_pieces, 7));
        const http::response put = co_await web.send(std::move(streamed));
        CHECK(put.body() == "PUT one,two");
        CHECK(put.connection_reused());
        http::response_stream stream = co_await web.open(http::request(server.url()));
        CHECK(stream.protocol() == protocol::http1_1);
        const std::string body = co_await stream.read_all();
        CHECK(body == "GET ");
        CHECK(web.counters().retries == 1);
        CHECK(web.counters().connections_opened == 2);
    };
    scripted::run(work());
    CHECK(server.offers() == std::vector<std::string>{"h2 http/1.1", "http/1.1"});
}

TEST_CASE("http1 required: all that are on the connection turn to HTTP/1.1") {
    certificate_authority authority;
    tls_relay server(authority.issue(), server_with([](h2_test::peer& p) {
                         for (int i = 0; i < 3; ++i)
                             p.next();
                         p.goaway(0, http1_required);
                         p.finish();
                     }));
    auto work = [&]() -> task<> {
        http::client web(trusting(authority));
        std::vector<task<http::response>> all;
        for (int i = 0; i < 3; ++i)
            all.push_back(web.post(server.url(), std::to_string(i), "text/plain"));
        const std::vector<http::response> got = co_await when_all(std::move(all));
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(got[i].body() == "POST " + std::to_string(i));
            CHECK(got[i].protocol() == protocol::http1_1);
        }
        CHECK(web.counters().retries == 3);
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
}

TEST_CASE("http1 required: what the server may have worked on is repeated only "
          "where that is harmless") {
    certificate_authority authority;
    tls_relay server(authority.issue(), server_with([](h2_test::peer& p) {
                         p.goaway(p.next().id, http1_required);
                         p.finish();
                     }));
    auto work = [&]() -> task<> {
        http::client careful(trusting(authority));
        const auto posted = co_await careful.try_post(server.url(), "body", "text/plain");
        CHECK(says(posted, "the peer ended the HTTP/2 connection: HTTP_1_1_REQUIRED"));
        const http::response again = co_await careful.post(server.url(), "body", "text/plain");
        CHECK(again.body() == "POST body"); // the origin is known now
        CHECK(careful.counters().retries == 0);

        http::client web(trusting(authority));
        const http::response got = co_await web.get(server.url());
        CHECK(got.body() == "GET ");
        CHECK(web.counters().retries == 1);
    };
    scripted::run(work());
}

TEST_CASE("http1 required: a body that cannot be sent again is not") {
    certificate_authority authority;
    tls_relay server(authority.issue(), server_with(resets));
    auto work = [&]() -> task<> {
        http::client web(trusting(authority));
        http::request what(server.url());
        what.method(http::method::put).body(http::request_body::stream_once(two_pieces(), 7));
        const auto got = co_await web.try_send(std::move(what));
        CHECK(says(got, "the peer reset the HTTP/2 stream: HTTP_1_1_REQUIRED"));
        CHECK(web.counters().retries == 0);
        const http::response next = co_await web.get(server.url());
        CHECK(next.protocol() == protocol::http1_1);
    };
    scripted::run(work());
}

TEST_CASE("http1 required: not in the middle of a response") {
    certificate_authority authority;
    tls_relay server(authority.issue(), server_with([](h2_test::peer& p) {
                         const auto r = p.next();
                         p.headers(r.id, {{":status", "200"}}, false);
                         p.data(r.id, "part", false);
                         p.reset(r.id, http1_required);
                         p.wait_closed();
                     }));
    auto work = [&]() -> task<> {
        http::client web(trusting(authority));
        const auto got = co_await web.try_get(server.url());
        CHECK(says(got, "HTTP_1_1_REQUIRED"));
        CHECK(web.counters().retries == 0);
    };
    scripted::run(work());
}

TEST_CASE("http1 required: other origins keep HTTP/2, also in one chain of "
          "redirects") {
    certificate_authority authority;
    tls_relay strict(authority.issue(), server_with(resets));
    tls_relay modern(authority.issue(), server_with([&](h2_test::peer& p) {
                         p.serve([&](h2_test::peer& to, const h2_test::request& r) {
                             if (r.path() == "/there")
                                 to.headers(r.id, {{":status", "302"}, {"location", strict.url()}}, true);
                             else
                                 to.answer(r.id, "modern");
                         });
                     }));
    auto work = [&]() -> task<> {
        http::client web(trusting(authority));
        for (int i = 0; i < 2; ++i) {
            const http::response there = co_await web.get(modern.url("/there"));
            CHECK(there.protocol() == protocol::http1_1);
            CHECK(there.body() == "GET ");
            CHECK(there.history().size() == 1);
            const http::response here = co_await web.get(modern.url("/here"));
            CHECK(here.protocol() == protocol::http2);
            CHECK(here.body() == "modern");
        }
        CHECK(web.counters().retries == 1);
    };
    scripted::run(work());
}

TEST_CASE("http1 required: with prior knowledge that is an error which names "
          "the option") {
    std::atomic<int> requests{0};
    h2_test::server server(h2_test::answering([&](h2_test::peer& p, const h2_test::request& r) {
        ++requests;
        p.reset(r.id, http1_required);
    }));
    auto work = [&]() -> task<> {
        http::client web(http::client_options().http2(http::http2_use::prior_knowledge));
        const auto got = co_await web.try_get(server.url());
        CHECK(says(got, "HTTP_1_1_REQUIRED"));
        CHECK(says(got, "client_options::http2"));
        REQUIRE_FALSE(got);
        CHECK_FALSE(got.error().is_transient());
        CHECK(web.counters().retries == 0);
    };
    scripted::run(work());
    CHECK(requests == 1);
}
