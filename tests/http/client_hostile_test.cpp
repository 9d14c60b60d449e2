// Servers that lie, flood, drip and hang up: what the client makes of them, at each limit just under and just
// over it; and that the next request is not harmed.
#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"

#include <tandem/http/client.hpp>

#include "lib/http/h1/error.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>

using namespace std::chrono_literals;
using namespace tandem;
using http::client_options;
using http::request_phase;
using http::h1::error;
using scripted::ok;
using scripted::peer;

namespace {

const std::string chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string with_fields(const std::string& fields) {
    return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: 2\r\n\r\nhi";
}

// The first request gets `text`, and the end of the stream if `close`; whatever comes later gets "next".
class one_answer : public scripted::server {
public:
    explicit one_answer(std::string text, bool close = false)
        : server([text, close](peer& p, int number) {
              for (bool first = number == 0;; first = false) {
                  if (p.read_request().empty()) return;
                  p.send(first ? text : ok("next"));
                  if (first && close) return;
              }
          }) {}
};

class seen {
public:
    explicit seen(http::result<http::response> r, bool reuse) : answer(std::move(r)), reused(reuse) {}
    http::result<http::response> answer;
    bool reused; // the next request went over the same connection
};

seen ask(const scripted::server& server,
         const client_options& options = client_options().total_timeout(10s)) {
    auto work = [&]() -> task<seen> {
        http::client web(options);
        http::result<http::response> first = co_await web.try_get(server.url());
        const http::response next = co_await web.get(server.url());
        CHECK(next.body() == "next");
        CHECK(web.counters().connections_in_use == 0);
        co_return seen(std::move(first), next.connection_reused());
    };
    return scripted::run(work());
}

void accepted(const std::string& text, const std::string& body, bool reused = true, bool close = false) {
    CAPTURE(text.substr(0, 200));
    const one_answer server(text, close);
    const seen got = ask(server);
    REQUIRE(got.answer);
    CHECK(got.answer->body() == body);
    CHECK(got.reused == reused);
}

void refused(const std::string& text, error why, request_phase phase, bool close = false) {
    CAPTURE(text.substr(0, 200));
    const one_answer server(text, close);
    const seen got = ask(server);
    REQUIRE_FALSE(got.answer);
    CAPTURE(got.answer.error().message());
    CHECK(got.answer.error().phase() == phase);
    const bool is_limit = phase == request_phase::limit;
    CHECK(got.answer.error().code() ==
          (is_limit ? boost::system::error_code(http::errc::header_too_large)
                    : boost::system::error_code(std::error_code(make_error_code(why)))));
    if (is_limit)
        CHECK(got.answer.error().detail().find("client_options::max_header_bytes") != std::string::npos);
    CHECK_FALSE(got.reused);
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

// Sends `text` a byte at a time, with pauses, for ever from the end of it on; until the client has closed.
void drip(peer& p, const std::string& text, const std::string& for_ever) {
    if (p.read_request().empty()) return;
    const std::string all = text + repeated(for_ever, 100'000);
    for (const char byte : all) {
        if (::send(p.native_handle(), &byte, 1, MSG_NOSIGNAL) != 1) return;
        pollfd closed{p.native_handle(), POLLIN, 0};
        if (poll(&closed, 1, 2) > 0) return;
    }
}

} // namespace

TEST_CASE("heads that are refused, and what is tolerated in them") {
    accepted(with_fields("A: b\r\n c\r\n"), "hi"); // folded
    refused(with_fields(" A: b\r\n"), error::obs_fold, request_phase::response_head);
    refused(with_fields(std::string("A: b\0c\r\n", 8)), error::bad_field_value, request_phase::response_head);
    refused(with_fields("A: b\rc\r\n"), error::bad_field_value, request_phase::response_head);
    refused(with_fields("A\r: b\r\n"), error::bad_field_name, request_phase::response_head);
    refused(with_fields(std::string("A\0: b\r\n", 7)), error::bad_field_name, request_phase::response_head);
    refused(with_fields("no colon\r\n"), error::bad_field_name, request_phase::response_head);
    refused("HTTP/2.0 200 OK\r\n\r\n", error::unsupported_version, request_phase::response_head);
    refused("SSH-2.0-OpenSSH_9.2\r\n", error::bad_status_line, request_phase::response_head);
    refused("HTTP/1.1 200 OK\r\nA: b\r\n", error::truncated, request_phase::response_head, true);
}

TEST_CASE("lengths that are wrong, and lengths beside codings") {
    accepted(with_fields("Content-Length: 2\r\n"), "hi");
    refused(with_fields("Content-Length: 3\r\n"), error::conflicting_content_length,
            request_phase::response_head);
    for (const char* const bad : {"+2", "-2", "0x2", "2 2", "2.0", "18446744073709551616", ""}) {
        const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::string(bad) + "\r\n\r\nhi";
        refused(text, error::bad_content_length, request_phase::response_head);
    }
    // Shorter than declared; longer: what is left over is nobody's answer.
    refused("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi", error::truncated, request_phase::body, true);
    accepted("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nhi", "h", false);
    accepted(ok("hi") + ok("not asked for"), "hi", false);
    // Content-Length beside chunks is ignored (RFC 9112, 6.3), but nothing follows on such a connection.
    accepted("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
             "hi", false);
    accepted("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi", false);
    accepted("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 1\r\n\r\nhi", "hi", false,
             true);
}

TEST_CASE("chunks that are wrong") {
    accepted(chunked_head + "2\r\nhi\r\n0\r\n\r\n", "hi");
    for (const char* const size : {"0x2", "+2", "-1", " 2", "2 2", "g", "", "00000000000000002"})
        refused(chunked_head + size + "\r\nhi\r\n0\r\n\r\n", error::bad_chunk_size, request_phase::body);
    refused(chunked_head + "2\r\nhi!\r\n0\r\n\r\n", error::bad_chunk_end, request_phase::body);
    refused(chunked_head + "2;\x01\r\nhi\r\n0\r\n\r\n", error::bad_chunk_extension, request_phase::body);
    refused(chunked_head + "ffffffffffffffff\r\nhi", error::truncated, request_phase::body, true);
    refused(chunked_head + "2\r\nhi\r\n", error::truncated, request_phase::body, true);
    refused(chunked_head + "2\r\nhi\r\n0\r\n", error::truncated, request_phase::body, true);
    // As many as there are, of one byte each.
    accepted(chunked_head + repeated("1\r\nx\r\n", 200'000) + "0\r\n\r\n", std::string(200'000, 'x'));
}

TEST_CASE(
    "limits of chunk extensions, fields, lines, trailers and interim responses: just under, just over") {
    const auto extensions = [](std::size_t bytes) {
        const std::string half(bytes / 2 - 3, 'e');
        return chunked_head + "1;x=" + half + "\r\nh\r\n1;y=" + half + "\r\ni\r\n0\r\n\r\n";
    };
    accepted(extensions(4096), "hi");
    refused(extensions(4098), error::chunk_extensions_too_long, request_phase::limit);

    const std::string status = "HTTP/1.1 200 OK\r\n";
    accepted(with_fields(repeated("A: b\r\n", 199)), "hi"); // and Content-Length
    refused(with_fields(repeated("A: b\r\n", 200)), error::too_many_fields, request_phase::limit);
    accepted(with_fields("A: " + std::string(16 * 1024 - 5, 'l') + "\r\n"), "hi");
    refused(with_fields("A: " + std::string(16 * 1024 - 4, 'l') + "\r\n"), error::field_line_too_long,
            request_phase::limit);
    const std::size_t frame = with_fields("").size() - 2; // all but the body
    const std::string line = "A: " + std::string(1019, 'l') + "\r\n";
    const std::string lines = repeated(line, 63);
    const std::size_t left = 64 * 1024 - frame - lines.size();
    accepted(with_fields(lines + "A: " + std::string(left - 5, 'l') + "\r\n"), "hi");
    refused(with_fields(lines + "A: " + std::string(left - 4, 'l') + "\r\n"), error::header_too_large,
            request_phase::limit);
    refused("HTTP/1.1 200 " + std::string(16 * 1024, 'r') + "\r\n", error::start_line_too_long,
            request_phase::limit);

    const auto trailers = [](std::size_t count) {
        return chunked_head + "2\r\nhi\r\n0\r\n" + repeated("T: u\r\n", count) + "\r\n";
    };
    accepted(trailers(199), "hi");
    refused(trailers(200), error::too_many_fields, request_phase::limit);

    const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    accepted(repeated(hints, 16) + ok("hi"), "hi");
    refused(repeated(hints, 17) + ok("hi"), error::too_many_interim, request_phase::limit);
}

TEST_CASE("floods are cut off, however much more would come") {
    std::string endless;
    SECTION("a header without an end") {
        endless = "HTTP/1.1 200 OK\r\n" + repeated("A: " + std::string(1000, 'x') + "\r\n", 10'000);
    }
    SECTION("a line without an end") {
        endless = "HTTP/1.1 200 OK\r\nA: " + std::string(10'000'000, 'x');
    }
    SECTION("a status line without an end") {
        endless = "HTTP/1.1 200 " + std::string(10'000'000, 'x');
    }
    SECTION("many fields") {
        endless = "HTTP/1.1 200 OK\r\n" + repeated("a:\r\n", 1'000'000);
    }
    SECTION("interim responses") {
        endless = repeated("HTTP/1.1 100 Continue\r\n\r\n", 400'000);
    }
    SECTION("trailers") {
        endless = chunked_head + "0\r\n" + repeated("A: b\r\n", 1'000'000);
    }
    SECTION("a chunk extension") {
        endless = chunked_head + "1;" + std::string(10'000'000, 'x');
    }
    const one_answer server(endless);
    const seen got = ask(server);
    REQUIRE_FALSE(got.answer);
    CHECK(got.answer.error().phase() == request_phase::limit);
    CHECK(got.answer.error().code() == http::errc::header_too_large);
    CHECK_FALSE(got.reused);
}

TEST_CASE("a drip does not hold a request beyond its time limits") {
    const auto ends = [](const std::string& begin, const std::string& for_ever,
                         const client_options& options) {
        scripted::server server([&](peer& p, int) { drip(p, begin, for_ever); });
        auto work = [&]() -> task<std::optional<http::error>> {
            http::client web(options);
            const http::result<http::response> r = co_await web.try_get(server.url());
            CHECK(web.counters().connections_in_use == 0);
            if (r) co_return std::nullopt;
            co_return r.error();
        };
        return scripted::run(work());
    };
    SECTION("in a header: first_byte_timeout is for all of it") {
        const auto failed = ends("HTTP/1.1 200 OK\r\nA: ", "x", client_options().first_byte_timeout(60ms));
        REQUIRE(failed);
        CHECK(failed->is_timeout());
        CHECK(failed->phase() == request_phase::response_head);
        CHECK(failed->detail().find("client_options::first_byte_timeout") != std::string::npos);
    }
    SECTION("of interim responses") {
        const auto failed = ends("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 ", "x",
                                 client_options().first_byte_timeout(60ms));
        REQUIRE(failed);
        CHECK(failed->is_timeout());
        CHECK(failed->phase() == request_phase::response_head);
    }
    SECTION("in a body: total_timeout") {
        const auto failed = ends("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x",
                                 client_options().total_timeout(150ms));
        REQUIRE(failed);
        CHECK(failed->is_timeout());
        CHECK(failed->detail().find("client_options::total_timeout") != std::string::npos);
    }
}

TEST_CASE("a reset in each phase is an error of that phase, and leaves nothing") {
    request_phase phase = request_phase::response_head;
    std::string sent;
    SECTION("before a byte") {}
    SECTION("in the header") {
        sent = "HTTP/1.1 200 OK\r\nA: ";
    }
    SECTION("after an interim response") {
        sent = "HTTP/1.1 100 Continue\r\n\r\n";
    }
    SECTION("in the body") {
        sent = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi";
        phase = request_phase::body;
    }
    SECTION("in a chunk") {
        sent = chunked_head + "5\r\nhi";
        phase = request_phase::body;
    }
    SECTION("in a body without a length") {
        sent = "HTTP/1.1 200 OK\r\n\r\nhi";
        phase = request_phase::body;
    }
    scripted::server server([&](peer& p, int) {
        if (p.read_request().empty()) return;
        p.send(sent);
        // What was sent must have been read, or the reset takes it away: the client sends nothing until then.
        pollfd closed{p.native_handle(), POLLIN, 0};
        if (!sent.empty()) poll(&closed, 1, 20);
        p.reset();
    });
    auto work = [&]() -> task<> {
        http::client web;
        const http::result<http::response> r = co_await web.try_get(server.url());
        REQUIRE_FALSE(r);
        CAPTURE(r.error().message());
        CHECK(r.error().phase() == phase);
        CHECK_FALSE(r.error().is_timeout());
        CHECK(web.counters().retries == 0); // it was a new connection
        CHECK(web.counters().connections_in_use == 0);
        CHECK(web.counters().connections_idle == 0);
    };
    scripted::run(work());
}

TEST_CASE("a reset while a large body is sent is an error, unless an answer came first") {
    const std::string large(16 << 20, 'b');
    bool answers = false;
    SECTION("without an answer") {}
    SECTION("with one") {
        answers = true;
    }
    scripted::server server([&](peer& p, int) {
        if (p.read_head().empty()) return;
        if (!answers) return p.reset();
        p.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        p.wait_closed(); // reads on, as a server must that wants its answer to arrive
    });
    auto work = [&]() -> task<> {
        http::client web;
        const http::result<http::response> r =
            co_await web.try_send(http::request(server.url()).method(http::method::post).body(large));
        CHECK(r.has_value() == answers);
        if (r) CHECK(r->status() == 413);
        CHECK(web.counters().connections_in_use == 0);
        CHECK(web.counters().connections_idle == 0);
    };
    scripted::run(work());
}
