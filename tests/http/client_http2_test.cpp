// Requests over HTTP/2 with prior knowledge: what is sent, what is received, and that the rest of the client
// does not notice.
#include "tests/support/catch.hpp"

#include "tests/http/h2_peer.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/cookie_jar.hpp>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <zlib.h>

using namespace std::chrono_literals;
using namespace tandem;
using h2_test::answering;
using h2_test::h2c;
using h2_test::peer;
using h2_test::request;
using h2_test::server;

namespace {

// "GET /path body", to see what arrived.
void echo(peer& p, const request& r) {
    p.answer(r.id, r.get(":method") + " " + r.path() + " " + r.body);
}

async_generator<std::string> three_pieces() {
    for (const char* const piece : {"one,", "two,", "three"})
        co_yield std::string(piece);
}

} // namespace

TEST_CASE("http2: a request and its response") {
    request seen;
    std::optional<server> web_server(
        std::in_place, answering([&](peer& p, const request& r) {
            seen = r;
            p.headers(r.id, {{":status", "200"}, {"x-a", "1"}, {"x-a", "2"}, {"content-length", "5"}}, false);
            p.data(r.id, "hello", true);
        }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        const http::response r = co_await web.get(web_server->url("/p?q=1#frag"));
        CHECK(r.status() == 200);
        CHECK(r.body() == "hello");
        CHECK(r.headers().get_all("X-A").size() == 2);
        CHECK(r.url().href() == web_server->url("/p?q=1#frag"));
        CHECK_FALSE(r.connection_reused());
        CHECK(r.wire_bytes() > 5);
        CHECK(web.counters().connections_opened == 1);
        CHECK(web.counters().connections_in_use == 0);
        CHECK(web.counters().connections_idle == 1);
    };
    const std::string authority = web_server->host_port();
    scripted::run(work());
    web_server.reset(); // its threads have ended
    CHECK(seen.get(":method") == "GET");
    CHECK(seen.get(":scheme") == "http");
    CHECK(seen.get(":path") == "/p?q=1");
    CHECK(seen.get(":authority") == authority);
    CHECK(seen.get("host") == "-");
    CHECK(seen.get("accept-encoding").substr(0, 13) == "gzip, deflate");
    CHECK(seen.get("user-agent").substr(0, 7) == "tandem/");
}

TEST_CASE("http2: one connection serves request after request, and many at a time") {
    server web_server(answering(echo));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        for (int i = 0; i < 3; ++i) {
            const http::response r = co_await web.get(web_server.url("/" + std::to_string(i)));
            CHECK(r.body() == "GET /" + std::to_string(i) + " ");
            CHECK(r.connection_reused() == (i > 0));
        }
        std::vector<task<http::response>> all;
        for (int i = 0; i < 50; ++i)
            all.push_back(web.get(web_server.url("/n" + std::to_string(i))));
        const std::vector<http::response> got = co_await when_all(std::move(all));
        for (int i = 0; i < 50; ++i)
            CHECK(got[static_cast<std::size_t>(i)].body() == "GET /n" + std::to_string(i) + " ");
        CHECK(web.counters().connections_opened == 1);
        CHECK(web.counters().connections_idle == 1);
    };
    scripted::run(work());
    CHECK(web_server.connections() == 1);
}

TEST_CASE("http2: bodies of all kinds are sent") {
    const tests::temporary_folder folder;
    std::ofstream(folder / "file") << std::string(300000, 'f');
    server web_server(answering([](peer& p, const request& r) {
        p.answer(r.id, r.get("content-length") + " " + std::to_string(r.body.size()) + " " +
                           r.body.substr(0, 13) + " " + r.get("transfer-encoding"));
    }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        const auto put = [&](http::request_body body) {
            http::request what(web_server.url("/"));
            what.method(http::method::put).body(std::move(body));
            return web.send(std::move(what));
        };
        const http::response small = co_await web.post(web_server.url("/"), "text", "text/plain");
        CHECK(small.body() == "4 4 text -");
        const http::response nothing = co_await web.post(web_server.url("/"), "", "text/plain");
        CHECK(nothing.body() == "0 0  -");
        const http::response large =
            co_await web.post(web_server.url("/"), std::string(1000000, 'l'), "text/plain");
        CHECK(large.body() == "1000000 1000000 lllllllllllll -");
        const http::response file = co_await put(http::request_body::file(folder / "file"));
        CHECK(file.body() == "300000 300000 fffffffffffff -");
        const http::response known = co_await put(http::request_body::stream(three_pieces, 13));
        CHECK(known.body() == "13 13 one,two,three -");
        const http::response unknown = co_await put(http::request_body::stream(three_pieces));
        CHECK(unknown.body() == "- 13 one,two,three -");
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
}

TEST_CASE("http2: redirects, cookies, decompression and trailers work as ever") {
    request last;
    std::string packed(compressBound(1000), '\0');
    uLongf size = packed.size();
    const std::string plain(1000, 'z');
    REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                     reinterpret_cast<const Bytef*>(plain.data()), plain.size()) == Z_OK);
    packed.resize(size);
    std::optional<server> web_server(
        std::in_place, answering([&](peer& p, const request& r) {
            if (r.path() == "/begin") {
                p.headers(
                    r.id,
                    {{":status", "302"}, {"location", "/end"}, {"set-cookie", "a=1"}, {"set-cookie", "b=2"}},
                    true);
                return;
            }
            last = r;
            p.headers(r.id, {{":status", "200"}, {"content-encoding", "deflate"}}, false);
            p.data(r.id, packed, false);
            p.headers(r.id, {{"x-sum", "7"}}, true);
        }));
    auto work = [&]() -> task<> {
        http::client web(h2c().cookies(std::make_shared<http::cookie_jar>()));
        const http::response r = co_await web.get(web_server->url("/begin"));
        CHECK(r.body() == plain);
        CHECK(r.decoded());
        CHECK(r.history().size() == 1);
        CHECK(r.trailers().get("X-Sum") == "7");
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
    web_server.reset();               // its threads have ended
    CHECK(last.count("cookie") == 2); // in crumbs
    CHECK(last.get("cookie") == "a=1");
}

TEST_CASE("http2: a header of HTTP/1's connection is not sent") {
    request seen;
    std::optional<server> web_server(std::in_place, answering([&](peer& p, const request& r) {
                                         seen = r;
                                         p.answer(r.id, "");
                                     }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        http::request what(web_server->url("/"));
        what.header("Connection", "close, X-Mine").header("X-Mine", "1").header("Keep-Alive", "timeout=5");
        what.header("TE", "trailers, gzip").header("Proxy-Connection", "close").header("X-Other", "Kept");
        what.header("Host", "example.org");
        const http::response r = co_await web.send(std::move(what));
        CHECK(r.status() == 200);
    };
    scripted::run(work());
    web_server.reset(); // its threads have ended
    CHECK(seen.get(":authority") == "example.org");
    for (const char* const gone : {"connection", "x-mine", "keep-alive", "proxy-connection", "host"})
        CHECK(seen.get(gone) == "-");
    CHECK(seen.get("te") == "trailers");
    CHECK(seen.get("x-other") == "Kept");
}

TEST_CASE("http2: the length that HEAD tells of is no body, even when an empty one comes") {
    server site(answering([](peer& p, const request& r) {
        const std::string status = r.get(":method") == "HEAD" ? "200" : "304";
        p.headers(r.id, {{":status", status}, {"content-length", "9999"}}, false);
        p.data(r.id, "", true);
    }));
    auto work = [&]() -> task<> {
        http::client web(h2c().max_body_bytes(100));
        const http::response head = co_await web.head(site.url());
        CHECK(head.body().empty());
        const http::response same = co_await web.get(site.url());
        CHECK(same.status() == 304);
        CHECK(same.body().empty());
    };
    scripted::run(work());
}

TEST_CASE("http2: a body is read piece by piece") {
    server web_server(
        answering([](peer& p, const request& r) { p.answer(r.id, std::string(3000000, 'x')); }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        http::response_stream body = co_await web.open(http::request(web_server.url("/")));
        std::size_t total = 0;
        for (;;) {
            const std::string_view piece = co_await body.read_some();
            if (piece.empty()) break;
            total += piece.size();
        }
        CHECK(total == 3000000);
        CHECK(body.done());
        CHECK(web.counters().connections_idle == 1);
    };
    scripted::run(work());
}

TEST_CASE("http2: a request for another protocol goes over HTTP/1.1") {
    scripted::answering web_server(
        [](const std::string& r) { return scripted::ok(scripted::field_of(r, "Upgrade")); });
    auto work = [&]() -> task<> {
        http::client web(h2c());
        http::request what(web_server.url("/"));
        what.header("Connection", "Upgrade").header("Upgrade", "websocket");
        const http::response r = co_await web.send(std::move(what));
        CHECK(r.body() == "websocket");
    };
    scripted::run(work());
    CHECK(web_server.requests().size() == 1);
}

TEST_CASE("http2: interim responses are handed to who asks, and a body waits for the server's word") {
    server web_server([](peer& p, int) {
        const request head = p.next_head();
        const bool early = head.whole || !head.body.empty();
        for (const char* const status : {"103", "100"})
            p.headers(head.id, {{":status", status}, {"x-status", status}}, false);
        const request whole = p.next();
        p.answer(whole.id, (early ? "early " : "") + whole.get("expect") + " " + whole.body);
        p.wait_closed();
    });
    auto work = [&]() -> task<> {
        http::client web(h2c());
        std::string interim;
        http::request what(web_server.url("/"));
        what.method(http::method::put).body("body", "text/plain").expect_continue(60s);
        what.on_informational([&](int status, const http::headers& fields) {
            interim += std::to_string(status) + "=" + std::string(*fields.get("X-Status")) + " ";
        });
        const http::response r = co_await web.send(std::move(what));
        CHECK(r.body() == "100-continue body");
        CHECK(interim == "103=103 100=100 ");
    };
    scripted::run(work());
}
