// What a request sends and gives, bodies and streams (kept connections: client_reuse_test).
#include "tests/support/catch.hpp"

#include "tests/http/coding_support.hpp"
#include "tests/http/scripted_server.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/request_event.hpp>

#include <chrono>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include <zlib.h>

using namespace std::chrono_literals;
using namespace tandem;
using scripted::answering;
using scripted::ok;
using scripted::peer;

namespace {

std::string compressed(const std::string& text, int window_bits) {
    z_stream z{};
    REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&z, text.size()) + 64, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

// Sends one fixed text to the first request of every connection, then closes.
scripted::server::script once(std::string text) {
    return [text](peer& p, int) {
        if (!p.read_request().empty()) p.send(text);
    };
}

// One GET with options of one's own.
http::result<http::response> fetch(const std::string& url, http::client_options options = {}) {
    auto work = [&]() -> task<http::result<http::response>> {
        http::client web(options);
        co_return co_await web.try_get(url);
    };
    return scripted::run(work());
}

} // namespace

TEST_CASE("a response has status, header, body, final URL") {
    answering server([](const std::string&) { return ok("hello", "X-A: 1\r\nX-A: 2\r\n"); });
    auto work = [&]() -> task<> {
        http::client web;
        const http::response r = co_await web.get(server.url("/p?q=1#frag"));
        CHECK(r.status() == 200);
        CHECK(r.ok());
        CHECK(r.reason() == "OK");
        CHECK(r.headers().get_all("x-a").size() == 2);
        CHECK(r.body() == "hello");
        CHECK(r.url().href() == server.url("/p?q=1#frag"));
        CHECK(r.history().empty());
        CHECK_FALSE(r.connection_reused());
        CHECK_FALSE(r.decoded());
        CHECK(r.wire_bytes() == ok("hello", "X-A: 1\r\nX-A: 2\r\n").size());
        CHECK(r.timings().total >= r.timings().first_byte);
        CHECK(r.timings().first_byte > 0ns);
    };
    scripted::run(work());
    const std::string request = server.requests().at(0);
    CHECK(request.substr(0, request.find("\r\n")) == "GET /p?q=1 HTTP/1.1");
    CHECK(scripted::field_of(request, "Host") == server.host_port());
    CHECK(scripted::field_of(request, "User-Agent").substr(0, 7) == "tandem/");
    CHECK(scripted::field_of(request, "Accept") == "*/*");
    CHECK(scripted::field_of(request, "Accept-Encoding") == "gzip, deflate, br, zstd");
}

TEST_CASE("what a request says is sent") {
    answering server([](const std::string&) { return ok(""); });
    auto work = [&]() -> task<> {
        http::client web(
            http::client_options().user_agent("me/1").header("X-Default", "d").header("X-Own", "never"));
        const http::response a = co_await web.send(http::request(server.url("/a"))
                                                       .method(http::method::put)
                                                       .header("X-Own", "o")
                                                       .header("Accept", "text/html")
                                                       .basic_auth("joe", "p:w")
                                                       .body("text", "text/plain"));
        const http::response b = co_await web.post(server.url("/b"), "{}", "application/json");
        const http::response c = co_await web.send(http::request(server.url("/c")).method("PURGE"));
        CHECK(a.status() + b.status() + c.status() == 600);
        // User name and password of a URL become a header.
        const http::response d = co_await web.get("http://u%20x:p%40@" + server.host_port() + "/d");
        CHECK(d.url().href() == server.url("/d"));
    };
    scripted::run(work());
    const std::vector<std::string> seen = server.requests();
    CHECK(seen[0].substr(0, 16) == "PUT /a HTTP/1.1\r");
    CHECK(scripted::field_of(seen[0], "X-Own") == "o");
    CHECK(scripted::field_of(seen[0], "X-Default") == "d");
    CHECK(scripted::field_of(seen[0], "User-Agent") == "me/1");
    CHECK(scripted::field_of(seen[0], "Accept") == "text/html");
    CHECK(scripted::field_of(seen[0], "Authorization") == "Basic am9lOnA6dw==");
    CHECK(scripted::field_of(seen[0], "Content-Length") == "4");
    CHECK(scripted::field_of(seen[0], "Content-Type") == "text/plain");
    CHECK(scripted::body_of(seen[0]) == "text");
    CHECK(seen[1].substr(0, 17) == "POST /b HTTP/1.1\r");
    CHECK(scripted::body_of(seen[1]) == "{}");
    CHECK(seen[2].substr(0, 18) == "PURGE /c HTTP/1.1\r");
    CHECK(scripted::field_of(seen[2], "Content-Length") == "-");
    CHECK(scripted::field_of(seen[3], "Authorization") == "Basic dSB4OnBA");
}

TEST_CASE("a call that is not awaited asks nobody, and its time begins when it is") {
    answering server([](const std::string&) { return ok("x"); });
    auto work = [&]() -> task<> {
        std::vector<http::request_event::kind> told;
        auto tell = [&](const http::request_event& e) { told.push_back(e.what()); };
        http::client web(http::client_options().on_event(tell));
        {
            const task<http::response> never = web.get(server.url());
            const task<http::result<http::response>> nor_this = web.try_get(server.url());
            CHECK(told.empty());
        }
        CHECK(told.empty());
        CHECK(web.counters().requests == 0);

        task<http::response> later = web.send(http::request(server.url()).timeout(1h));
        co_await sleep_for(20ms); // which do not count
        const auto begun = task_context::current()->home().now();
        const http::response r = co_await std::move(later);
        CHECK(r.body() == "x");
        CHECK(r.timings().total <= task_context::current()->home().now() - begun);
    };
    scripted::run(work());
    CHECK(server.requests().size() == 1);
}

TEST_CASE("header values that would split a request are refused early") {
    CHECK_THROWS_AS(http::request("http://a/").header("X", "a\r\nY: b"), std::invalid_argument);
    CHECK_THROWS_AS(http::request("http://a/").header("X Y", "a"), std::invalid_argument);
    CHECK_THROWS_AS(http::request("http://a/").method("GE T"), std::invalid_argument);
    CHECK_THROWS_AS(http::client_options().header("X", "\n"), std::invalid_argument);
    CHECK_THROWS_AS(http::client_options().user_agent("a\nb"), std::invalid_argument);
    CHECK_THROWS_AS(http::client_options().connect_to("nonsense", "127.0.0.1:1"), std::invalid_argument);
}

TEST_CASE("responses without a body: HEAD, 204, 304, and interim ones are skipped") {
    answering server([](const std::string& request) -> std::string {
        const std::string target = scripted::target_of(request);
        if (target == "/head") return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
        if (target == "/204") return "HTTP/1.1 204 No Content\r\n\r\n";
        if (target == "/304") return "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
        return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok("end");
    });
    auto work = [&]() -> task<> {
        http::client web;
        const http::response head = co_await web.head(server.url("/head"));
        CHECK(head.body().empty());
        CHECK(head.headers().get("Content-Length") == "100");
        const http::response none = co_await web.get(server.url("/204"));
        CHECK(none.status() == 204);
        const http::response same = co_await web.get(server.url("/304"));
        CHECK(same.status() == 304);
        const http::response last = co_await web.get(server.url("/"));
        CHECK(last.body() == "end");
        CHECK_FALSE(last.headers().contains("Link"));
    };
    scripted::run(work());
    CHECK(server.connections() == 1);
}

TEST_CASE("bodies: chunked with trailers, until close, truncated") {
    SECTION("chunked") {
        scripted::server server(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                     "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"));
        const auto r = fetch(server.url());
        REQUIRE(r);
        CHECK(r->body() == "abcde");
        CHECK(r->trailers().get("X-Sum") == "5");
        CHECK_FALSE(r->headers().contains("X-Sum"));
    }
    SECTION("until the end of the connection") {
        scripted::server server(once("HTTP/1.0 200 OK\r\n\r\nall of it"));
        const auto r = fetch(server.url());
        REQUIRE(r);
        CHECK(r->body() == "all of it");
    }
    SECTION("shorter than declared") {
        scripted::server server(once("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"));
        const auto r = fetch(server.url());
        REQUIRE_FALSE(r);
        CHECK(r.error().phase() == http::request_phase::body);
    }
    SECTION("chunks without an end") {
        scripted::server server(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
        const auto r = fetch(server.url());
        REQUIRE_FALSE(r);
        CHECK(r.error().phase() == http::request_phase::body);
    }
    SECTION("no response at all") {
        scripted::server server([](peer& p, int) { p.read_request(); });
        const auto r = fetch(server.url());
        REQUIRE_FALSE(r);
        CHECK(r.error().phase() == http::request_phase::response_head);
        CHECK(server.connections() == 1); // a fresh connection: no retry
    }
    SECTION("nonsense") {
        scripted::server server(once("SSH-2.0-OpenSSH_9.2\r\n"));
        const auto r = fetch(server.url());
        REQUIRE_FALSE(r);
        CHECK(r.error().phase() == http::request_phase::response_head);
    }
}

TEST_CASE("content codings are decoded when the client has offered them") {
    std::string text;
    for (int i = 0; i < 20000; ++i)
        text += "line " + std::to_string(i) + "\n";
    const std::string zipped = compressed(text, 15 + 16);
    const std::string deflated = compressed(text, 15);
    const std::string brotli = coding_tests::encode_br(text);
    const std::string zstd = coding_tests::encode_zstd(text);
    answering server([&](const std::string& request) -> std::string {
        const std::string target = scripted::target_of(request);
        if (target == "/gzip") return ok(zipped, "Content-Encoding: gzip\r\n");
        if (target == "/deflate") return ok(deflated, "Content-Encoding: deflate\r\n");
        if (target == "/br") return ok(brotli, "Content-Encoding: br\r\n");
        if (target == "/zstd") return ok(zstd, "Content-Encoding: zstd\r\n");
        if (target == "/other") return ok("brotli?", "Content-Encoding: dcb\r\n");
        if (target == "/garbage") return ok("not gzip at all", "Content-Encoding: gzip\r\n");
        if (target == "/cut") return ok(zipped.substr(0, zipped.size() / 2), "Content-Encoding: gzip\r\n");
        if (target == "/more") return ok(zipped + "trailing", "Content-Encoding: gzip\r\n");
        return ok("", "Content-Encoding: gzip\r\n");
    });
    auto work = [&]() -> task<> {
        http::client web;
        const http::response gzip = co_await web.get(server.url("/gzip"));
        CHECK(gzip.body() == text);
        CHECK(gzip.decoded());
        CHECK(gzip.headers().get("Content-Encoding") == "gzip");
        CHECK(gzip.wire_bytes() < text.size());
        const http::response deflate = co_await web.get(server.url("/deflate"));
        CHECK(deflate.body() == text);
        const http::response br = co_await web.get(server.url("/br"));
        CHECK(br.body() == text);
        const http::response frames = co_await web.get(server.url("/zstd"));
        CHECK(frames.body() == text);
        const http::response unknown = co_await web.get(server.url("/other"));
        CHECK(unknown.body() == "brotli?");
        CHECK_FALSE(unknown.decoded());
        const http::response empty = co_await web.get(server.url("/empty"));
        CHECK(empty.body().empty());
        const http::response more = co_await web.get(server.url("/more"));
        CHECK(more.body() == text);
        for (const char* const bad : {"/garbage", "/cut"}) {
            const auto r = co_await web.try_get(server.url(bad));
            REQUIRE_FALSE(r);
            CHECK(r.error().phase() == http::request_phase::body);
        }
        // Own Accept-Encoding or Range: as it comes.
        const http::response raw =
            co_await web.send(http::request(server.url("/gzip")).header("Accept-Encoding", "gzip"));
        CHECK(raw.body() == zipped);
        const http::response part =
            co_await web.send(http::request(server.url("/gzip")).header("Range", "bytes=0-"));
        CHECK(part.body() == zipped);
    };
    scripted::run(work());
    CHECK(scripted::field_of(server.requests().back(), "Accept-Encoding") == "-");
}

TEST_CASE("a large body is sent while an early answer is listened for") {
    const std::string large(8 << 20, 'b');
    SECTION("taken") {
        answering server(
            [](const std::string& request) { return ok(std::to_string(scripted::body_of(request).size())); });
        auto work = [&]() -> task<> {
            http::client web;
            for (int i = 0; i < 2; ++i) {
                const http::response r = co_await web.post(server.url(), large, "application/octet-stream");
                CHECK(r.body() == std::to_string(large.size()));
                CHECK(r.connection_reused() == (i == 1));
            }
        };
        scripted::run(work());
    }
    SECTION("refused before it was read") {
        // The server takes nothing of the body before the client has its answer, and the kernel's buffers do
        // not hold the whole of it: so the request cannot have been sent to its end.
        std::latch answered(1);
        scripted::server server([&answered](peer& p, int) {
            p.read_head();
            p.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
            answered.wait();
            p.wait_closed();
        });
        const std::string huge(64 << 20, 'b');
        auto work = [&]() -> task<> {
            http::client web;
            const auto told = [&answered](void*) { answered.count_down(); };
            const std::unique_ptr<void, decltype(told)> at_the_end(&web, told); // also when something throws
            const http::response r = co_await web.post(server.url(), huge, "");
            CHECK(r.status() == 413);
            CHECK(r.body() == "big");
            CHECK(web.counters().connections_idle == 0); // half a request is on it
        };
        scripted::run(work());
    }
}

TEST_CASE("a stream is read piece by piece") {
    std::string large;
    for (unsigned i = 0; large.size() < 3u << 20; ++i)
        large += std::to_string(i * 2654435761u);
    const std::string zipped = compressed(large, 15 + 16);
    answering server([&](const std::string& request) -> std::string {
        if (scripted::target_of(request) == "/gzip") return ok(zipped, "Content-Encoding: gzip\r\n");
        return ok(large);
    });
    auto work = [&]() -> task<> {
        http::client web;
        {
            http::response_stream s = co_await web.open(http::request(server.url()));
            CHECK(s.status() == 200);
            CHECK(web.counters().connections_in_use == 1);
            std::size_t size = 0;
            for (;;) {
                const std::string_view piece = co_await s.read_some();
                if (piece.empty()) break;
                size += piece.size();
            }
            CHECK(size == large.size());
            CHECK(s.done());
            CHECK(web.counters().connections_idle == 1); // given back at the end, not with the stream
            const std::string_view after = co_await s.read_some();
            CHECK(after.empty());
        }
        {
            http::response_stream s = co_await web.open(http::request(server.url("/gzip")));
            CHECK(s.connection_reused());
            CHECK(s.decoded());
            const std::string_view first = co_await s.read_some();
            CHECK(first.size() <= 3u << 20);
            const std::size_t size = first.size();
            const std::string rest = co_await s.read_all();
            CHECK(size + rest.size() == large.size());
        }
        {
            http::response_stream s = co_await web.open(http::request(server.url()));
            co_await s.read_some();
        } // not read to its end: closed
        CHECK(web.counters().connections_idle == 0);
        CHECK(web.counters().connections_in_use == 0);
        http::response_stream s = co_await web.open(http::request(server.url()));
        const auto limited = co_await s.try_read_all(large.size() - 1);
        REQUIRE_FALSE(limited);
        CHECK(limited.error().phase() == http::request_phase::limit);
        const auto later = co_await s.try_read_some();
        REQUIRE_FALSE(later);
        CHECK(later.error().code() == http::errc::already_read);
        CHECK_FALSE(s.done());
    };
    scripted::run(work());
}
