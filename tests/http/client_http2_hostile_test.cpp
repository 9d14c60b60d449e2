// HTTP/2 servers that break the rules, stop in the middle, or flood: every request ends, with an error that
// says why, and no harm is done to others.
#include "tests/support/catch.hpp"

#include "tests/http/h2_peer.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/http/client.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using h2_test::h2c;
using h2_test::number;
using h2_test::peer;
using h2_test::request;
using h2_test::server;

namespace {

// What becomes of one request to a server that answers it with `answer` and then waits.
http::result<http::response> outcome(const std::function<void(peer&, std::uint32_t id)>& answer,
                                     http::client_options options = h2c(), std::string body = "") {
    server web_server([answer](peer& p, int) {
        const request r = p.next_head();
        if (r.id == 0) return;
        answer(p, r.id);
        p.wait_closed();
    });
    auto work = [&]() -> task<http::result<http::response>> {
        http::client web(options);
        http::request what(web_server.url("/"));
        if (!body.empty()) what.method(http::method::post).body(body, "text/plain");
        auto got = co_await web.try_send(std::move(what));
        CHECK(web.counters().connections_in_use == 0);
        co_return got;
    };
    return scripted::run(work());
}

std::string why(const http::result<http::response>& got) {
    return got ? std::to_string(got->status()) : got.error().message();
}
bool says(const http::result<http::response>& got, std::string_view text) {
    return !got && got.error().message().find(text) != std::string::npos;
}

} // namespace

TEST_CASE("http2: a peer that breaks the rules of frames is told so and left") {
    const auto violation = [](int type, int flags, std::uint32_t id, std::string payload) {
        return outcome([=](peer& p, std::uint32_t stream) {
            p.send(type, flags, id == 1 ? stream : id, payload);
            p.answer(stream, "too late");
        });
    };
    const char* const ended = "does not keep to HTTP/2";
    // SETTINGS: of a stream, of a wrong size, of forbidden values
    CHECK(says(violation(NGHTTP2_SETTINGS, 0, 1, ""), ended));
    CHECK(says(violation(NGHTTP2_SETTINGS, 0, 0, "12345"), ended));
    CHECK(says(violation(NGHTTP2_SETTINGS, 0, 0,
                         number(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + number(0x80000000, 4)),
               ended));
    CHECK(says(violation(NGHTTP2_SETTINGS, 0, 0, number(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 2) + number(1, 4)),
               ended));
    // PING, WINDOW_UPDATE, RST_STREAM, GOAWAY of wrong sizes
    CHECK(says(violation(NGHTTP2_PING, 0, 0, "1234567"), ended));
    CHECK(says(violation(NGHTTP2_PING, 0, 1, "12345678"), ended));
    CHECK(says(violation(NGHTTP2_WINDOW_UPDATE, 0, 0, "123"), ended));
    CHECK(says(violation(NGHTTP2_WINDOW_UPDATE, 0, 0, number(0, 4)), ended));
    CHECK(says(violation(NGHTTP2_RST_STREAM, 0, 1, "123"), ended));
    CHECK(says(violation(NGHTTP2_GOAWAY, 0, 0, "1234567"), ended));
    // windows beyond 2^31-1
    CHECK(says(violation(NGHTTP2_WINDOW_UPDATE, 0, 0, number(0x7fffffff, 4)), ended));
    CHECK(says(violation(NGHTTP2_WINDOW_UPDATE, 0, 1, number(0x7fffffff, 4)), "HTTP/2"));
    // frames of streams that do not exist, or in places where they may not be
    CHECK(says(violation(NGHTTP2_DATA, 0, 7, "data"), ended));
    CHECK(says(violation(NGHTTP2_DATA, 0, 0, "data"), ended));
    CHECK(says(violation(NGHTTP2_RST_STREAM, 0, 9, number(0, 4)), ended));
    CHECK(says(violation(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, ""), ended));
    CHECK(says(violation(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 2, h2_test::packed({{":status", "200"}})),
               ended));
    CHECK(says(violation(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff"), ended));
    CHECK(says(violation(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\x7f"), ended));
    CHECK(says(violation(NGHTTP2_HEADERS, 0, 1, ""), ended)); // and then something else than CONTINUATION
    // larger than SETTINGS_MAX_FRAME_SIZE
    CHECK(says(violation(NGHTTP2_PING, 0, 0, std::string(20000, 'x')), ended));
}

TEST_CASE("http2: a pushed response is refused") {
    const auto got = outcome([](peer& p, std::uint32_t id) {
        p.send(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, id,
               number(2, 4) +
                   h2_test::packed(
                       {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "x"}}));
        p.answer(2, "pushed");
        p.answer(id, "asked for");
    });
    INFO(why(got));
    CHECK((says(got, "does not keep to HTTP/2") || (got && got->body() == "asked for")));
}

TEST_CASE("http2: a response that breaks HTTP's own rules fails alone") {
    const auto response = [](h2_test::fields head, std::string body) {
        return outcome([=](peer& p, std::uint32_t id) {
            p.headers(id, head, false);
            p.data(id, body, true);
        });
    };
    const char* const ended = "the stream was ended";
    CHECK(says(response({{":status", "200"}, {"content-length", "3"}}, "more than that"), ended));
    CHECK(says(response({{":status", "200"}, {"content-length", "30"}}, "less"), ended));
    CHECK(
        says(response({{":status", "200"}, {"content-length", "3"}, {"content-length", "4"}}, "abc"), ended));
    CHECK(says(response({{":status", "200"}, {"connection", "close"}}, "abc"), ended));
    CHECK(says(response({{":status", "200"}, {"transfer-encoding", "chunked"}}, "abc"), ended));
    CHECK(says(response({{"no-status", "200"}}, "abc"), ended));
    CHECK(says(response({{":status", "2000"}}, "abc"), ended));
    CHECK(says(response({{":status", "200"}, {":path", "/"}}, "abc"), ended));
    CHECK(says(response({{"x", "y"}, {":status", "200"}}, "abc"), ended));
    CHECK(says(response({{":status", "101"}}, "abc"), "HTTP/2"));
    const auto two_ends = outcome([](peer& p, std::uint32_t id) {
        p.headers(id, {{":status", "200"}}, false);
        p.headers(id, {{"trailer", "without an end"}}, false);
    });
    CHECK(says(two_ends, ended));
}

TEST_CASE("http2: interim responses are skipped, up to a limit") {
    const auto some = outcome([](peer& p, std::uint32_t id) {
        for (const char* const status : {"100", "103"})
            p.headers(id, {{":status", status}, {"x", "interim"}}, false);
        p.headers(id, {{":status", "200"}, {"x", "final"}}, false);
        p.data(id, "body", true);
    });
    REQUIRE(some);
    CHECK(some->status() == 200);
    CHECK(some->headers().get_all("x").size() == 1);
    CHECK(some->body() == "body");
    const auto endless = outcome([](peer& p, std::uint32_t id) {
        for (int i = 0; i < 100; ++i)
            p.headers(id, {{":status", "103"}}, false);
    });
    CHECK(says(endless, "interim"));
}

TEST_CASE("http2: headers have limits, compressed ones too") {
    const auto large = [](http::client_options options, std::size_t fields, std::size_t bytes) {
        return outcome(
            [=](peer& p, std::uint32_t id) {
                h2_test::fields head = {{":status", "200"}};
                for (std::size_t i = 0; i < fields; ++i)
                    head.emplace_back("x", std::string(bytes, 'v'));
                p.headers(id, head, true);
            },
            std::move(options));
    };
    CHECK(large(h2c(), 100, 100));
    CHECK(says(large(h2c(), 300, 1), "client_options::max_header_bytes"));
    CHECK(says(large(h2c().max_header_bytes(1000), 10, 200), "1000 bytes"));

    // 4 KiB of text in the table, and then a byte for each further 4 KiB.
    const auto bomb = outcome([](peer& p, std::uint32_t id) {
        std::string block = h2_test::packed({{":status", "200"}});
        const std::string field = h2_test::packed({{"x", std::string(4000, 'v')}});
        block += '\x40' + field.substr(1); // with indexing
        block += std::string(8000, '\xbe');
        p.send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block);
    });
    CHECK(says(bomb, "client_options::max_header_bytes"));
    CHECK(bomb.error().code() == http::errc::header_too_large);

    const auto continued = outcome([](peer& p, std::uint32_t id) {
        p.send(NGHTTP2_HEADERS, 0, id, h2_test::packed({{":status", "200"}}));
        for (int i = 0; i < 100000; ++i)
            p.send(NGHTTP2_CONTINUATION, 0, id, h2_test::packed({{"x", "y"}}));
    });
    INFO(why(continued));
    CHECK_FALSE(continued);
}

TEST_CASE("http2: a flood of frames that carry nothing ends the connection") {
    const auto flood = [](int type, int flags, std::uint32_t stream, std::string payload) {
        return outcome([=](peer& p, std::uint32_t id) {
            if (type == NGHTTP2_DATA) p.headers(id, {{":status", "200"}}, false);
            std::string all;
            for (int i = 0; i < 200; ++i)
                all += h2_test::frame_text(type, flags, stream == 1 ? id : stream, payload);
            for (int i = 0; i < 1000 && p.send_raw(all); ++i) {
            }
        });
    };
    CHECK(says(flood(NGHTTP2_SETTINGS, 0, 0, ""), "floods"));
    CHECK(says(flood(NGHTTP2_SETTINGS, 0, 0, number(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + number(1, 4)),
               "floods"));
    CHECK(says(flood(NGHTTP2_PING, 0, 0, "12345678"), "floods"));
    CHECK(says(flood(NGHTTP2_PRIORITY, 0, 3, std::string(5, '\0')), "floods"));
    CHECK(says(flood(NGHTTP2_DATA, 0, 1, ""), "floods"));
    CHECK_FALSE(flood(NGHTTP2_RST_STREAM, 0, 1, number(NGHTTP2_INTERNAL_ERROR, 4)));
}

TEST_CASE("http2: a server that stops answering is left when the time is up") {
    const auto waits = [](std::string_view option, const std::function<void(peer&, std::uint32_t)>& script,
                          std::string body = "") {
        // Only the one that is to pass is short: the other must not be the first on a busy machine.
        const bool for_head = option == "first_byte_timeout";
        const auto got = outcome(
            script, h2c().first_byte_timeout(for_head ? 50ms : 20s).read_idle_timeout(for_head ? 20s : 50ms),
            std::move(body));
        INFO(why(got));
        CHECK(says(got, option));
        CHECK(got.error().is_timeout());
    };
    waits("first_byte_timeout", [](peer&, std::uint32_t) {});
    waits("first_byte_timeout",
          [](peer& p, std::uint32_t id) { p.headers(id, {{":status", "103"}}, false); });
    waits("first_byte_timeout", [](peer& p, std::uint32_t id) {
        p.send(NGHTTP2_HEADERS, 0, id, h2_test::packed({{":status", "200"}})); // CONTINUATION never comes
    });
    waits("read_idle_timeout", [](peer& p, std::uint32_t id) { p.headers(id, {{":status", "200"}}, false); });
    waits("read_idle_timeout", [](peer& p, std::uint32_t id) {
        p.headers(id, {{":status", "200"}}, false);
        p.data(id, "a part", false);
    });
    // The window for the body is never opened.
    waits("first_byte_timeout", [](peer&, std::uint32_t) {}, std::string(200000, 'b'));
}

TEST_CASE("http2: a server that does not even send its preface is left when the time is up") {
    scripted::server silent([](scripted::peer& p, int) { p.wait_closed(); });
    scripted::server other([](scripted::peer& p, int) {
        p.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        p.wait_closed();
    });
    auto work = [&]() -> task<> {
        http::client web(h2c().first_byte_timeout(50ms));
        const auto nothing = co_await web.try_get(silent.url());
        CHECK(says(nothing, "first_byte_timeout"));
        http::client patient(h2c().first_byte_timeout(20s));
        const auto wrong = co_await patient.try_get(other.url());
        CHECK(says(wrong, "does not keep to HTTP/2"));
    };
    scripted::run(work());
}

TEST_CASE("http2: a connection that ends in the middle fails its requests") {
    const auto ends = [](const std::function<void(peer&, std::uint32_t)>& script) {
        server web_server([script](peer& p, int) {
            const request r = p.next_head();
            if (r.id == 0) return;
            script(p, r.id);
            p.finish();
        });
        auto work = [&]() -> task<std::string> {
            http::client web(h2c());
            const auto got = co_await web.try_get(web_server.url());
            CHECK(web.counters().connections_in_use == 0);
            co_return why(got);
        };
        return scripted::run(work());
    };
    const std::string closed = "the connection was closed before the response was complete";
    CHECK(ends([](peer&, std::uint32_t) {}).find(closed) != std::string::npos);
    CHECK(ends([](peer& p, std::uint32_t id) {
              p.headers(id, {{":status", "200"}}, false);
              p.data(id, "part", false);
          }).find(closed) != std::string::npos);
    CHECK(ends([](peer& p, std::uint32_t id) {
              p.goaway(id, NGHTTP2_ENHANCE_YOUR_CALM);
          }).find("ENHANCE_YOUR_CALM") != std::string::npos);
    CHECK(ends([](peer& p, std::uint32_t id) {
              p.reset(id, NGHTTP2_INTERNAL_ERROR);
              p.next();
          }).find("the peer reset the HTTP/2 stream: INTERNAL_ERROR") != std::string::npos);
}
