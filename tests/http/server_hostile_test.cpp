// What a server answers to clients that lie, overdo it, or take their time.
#include "tests/http/server_support.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

using namespace server_test;
using namespace std::chrono_literals;

namespace {

// Answers every request and remembers that /smuggled was asked for.
class watchful {
public:
    explicit watchful(server_options options = server_options())
        : site(std::move(options), [this](server_request request) -> task<server_response> {
              if (request.target().find("smuggled") != std::string::npos) smuggled = true;
              ++requests;
              co_return server_response::text(std::to_string(request.body().size()));
          }) {}

    std::atomic<bool> smuggled{false};
    std::atomic<int> requests{0};
    running_server site;
};

std::string post(std::string_view fields, std::string_view body) {
    return std::string("POST / HTTP/1.1\r\nHost: h\r\n").append(fields).append("\r\n").append(body);
}

} // namespace

TEST_CASE("framing attacks are refused and nothing behind them is read", "[http][server]") {
    struct attack {
        const char* what;
        std::string text;
        int status;
    };
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    const std::vector<attack> attacks = {
        {"CL and TE", post("Content-Length: 5\r\n" + chunked, "0\r\n\r\n"), 400},
        {"TE and CL", post(chunked + "Content-Length: 5\r\n", "0\r\n\r\n"), 400},
        {"two lengths", post("Content-Length: 0\r\nContent-Length: 5\r\n", ""), 400},
        {"the same length twice", post("Content-Length: 0\r\nContent-Length: 0\r\n", ""), 400},
        {"list of lengths", post("Content-Length: 0, 0\r\n", ""), 400},
        {"length with a sign", post("Content-Length: +0\r\n", ""), 400},
        {"length in hex", post("Content-Length: 0x0\r\n", ""), 400},
        {"length with underscore", post("Content-Length: 1_0\r\n", ""), 400},
        {"length beyond 64 bits", post("Content-Length: 18446744073709551617\r\n", ""), 400},
        {"empty length", post("Content-Length: \r\n", ""), 400},
        {"space before the colon", post("Content-Length : 0\r\n", ""), 400},
        {"coding with a tail", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 501},
        {"coding with a vertical tab",
         post("Transfer-Encoding: \x0b"
              "chunked\r\n",
              "0\r\n\r\n"),
         400},
        {"unknown coding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
        {"two codings", post(chunked + chunked, "0\r\n\r\n"), 501},
        {"coding in HTTP/1.0",
         "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: "
         "keep-alive\r\n\r\n0\r\n\r\n",
         400},
        {"folded line", post("X: a\r\n Content-Length: 5\r\n", ""), 400},
        {"bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400},
        {"bare CR", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 5\r\n\r\n", 400},
        {"NUL", post(std::string("X: a\0b\r\n", 8), ""), 400},
        {"two hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400},
        {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"bad host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
        {"space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"8-bit target", "GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
        {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
        {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"a TLS greeting", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
        {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501},
        {"chunk size 0x", post(chunked, "0x5\r\nabcde\r\n0\r\n\r\n"), 400},
        {"chunk size of 17 digits", post(chunked, "00000000000000005\r\nabcde\r\n0\r\n\r\n"), 400},
        {"chunk size with space", post(chunked, "5 \r\nabcde\r\n0\r\n\r\n"), 400},
        {"chunk ends in LF", post(chunked, "5\nabcde\r\n0\r\n\r\n"), 400},
        {"chunk data too long", post(chunked, "5\r\nabcdefg\r\n0\r\n\r\n"), 400},
        {"chunk size beyond the limit", post(chunked, "ffffffffffffffff\r\n"), 413},
        {"length beyond the limit", post("Content-Length: 1048577\r\n", ""), 413},
    };
    watchful server;
    for (const attack& a : attacks) {
        INFO(a.what);
        raw_client client(server.site.port());
        client.send(a.text + get("/smuggled") + get("/smuggled"));
        const std::string response = client.read_response();
        CHECK(status_of(response) == a.status);
        CHECK(has(response, "\r\nConnection: close\r\n"));
        CHECK(client.at_end());
    }
    CHECK_FALSE(server.smuggled);
    CHECK(server.requests == 0);
}

TEST_CASE("a body is not taken for a request", "[http][server]") {
    watchful server;
    raw_client client(server.site.port());
    const std::string inner = get("/smuggled");
    REQUIRE(client.send(post("Content-Length: " + std::to_string(inner.size()) + "\r\n", inner)));
    CHECK(body_of(client.read_response()) == std::to_string(inner.size()));
    REQUIRE(client.send(get("/")));
    CHECK(body_of(client.read_response()) == "0");
    CHECK_FALSE(server.smuggled);
}

TEST_CASE("limits: just under and just over", "[http][server]") {
    watchful server(server_options().max_body_bytes(5000).max_header_bytes(16 * 1024));
    raw_client client(server.site.port());
    const auto status_after = [&client](const std::string& text) {
        client.send(text);
        return status_of(client.read_response());
    };
    const auto header_of = [](std::size_t bytes) { // lines under the limit of each
        std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
        for (int i = 0; i < 2; ++i)
            text += "A: " + std::string(6000, 'a') + "\r\n";
        text += "B: ";
        text.append(bytes - text.size() - 4, 'b');
        return text + "\r\n\r\n";
    };
    SECTION("header") {
        CHECK(status_after(header_of(16 * 1024)) == 200);
        CHECK(status_after(header_of(16 * 1024 + 1)) == 431);
        CHECK(client.at_end());
    }
    SECTION("request line") {
        const auto line = [](std::size_t n) { return get("/" + std::string(n - 16, 'a')); };
        CHECK(status_after(line(8190)) == 200);
        CHECK(status_after(line(8193)) == 414);
        CHECK(client.at_end());
    }
    SECTION("fields") {
        const auto fields = [](int n) {
            std::string text;
            for (int i = 1; i < n; ++i)
                text += "A: b\r\n";
            return get("/", text);
        };
        CHECK(status_after(fields(100)) == 200);
        CHECK(status_after(fields(101)) == 431);
        CHECK(client.at_end());
    }
    SECTION("body by length") {
        CHECK(status_after(post("Content-Length: 5000\r\n", std::string(5000, 'x'))) == 200);
        CHECK(status_after(post("Content-Length: 5001\r\n", std::string(5001, 'x'))) == 413);
        CHECK(client.at_end());
    }
    SECTION("body in chunks of one byte") {
        const auto chunks = [](int n) {
            std::string body;
            for (int i = 0; i < n; ++i)
                body += "1\r\nx\r\n";
            return post("Transfer-Encoding: chunked\r\n", body + "0\r\n\r\n");
        };
        CHECK(status_after(chunks(5000)) == 200);
        CHECK(status_after(chunks(5001)) == 413);
        CHECK(client.at_end());
    }
    SECTION("trailers count into the header") {
        const std::string trailer = "A: " + std::string(8000, 'a') + "\r\n";
        CHECK(status_after(post("Transfer-Encoding: chunked\r\n", "0\r\n" + trailer + trailer + "\r\n")) ==
              200);
        CHECK(status_after(post("Transfer-Encoding: chunked\r\n",
                                "0\r\n" + trailer + trailer + trailer + "\r\n")) == 431);
        CHECK(client.at_end());
    }
}

TEST_CASE("a client that is refused still gets to read why", "[http][server]") {
    // Half a megabyte is on its way when the server has decided: a plain close would reset the connection.
    watchful server(server_options().max_body_bytes(1000));
    for (int i = 0; i < 20; ++i) {
        raw_client client(server.site.port());
        const std::string body(500'000, 'x');
        client.send(post("Content-Length: 500000\r\n", body));
        CHECK(status_of(client.read_response()) == 413);
        CHECK(client.at_end());
    }
}

TEST_CASE("a header that drips in ends by header_timeout", "[http][server]") {
    watchful server(server_options().header_timeout(150ms).idle_timeout(10s));
    SECTION("the first request") {
        raw_client client(server.site.port());
        REQUIRE(client.send("GET / HTTP/1.1\r\nHost: h\r\nX: "));
        const auto begun = std::chrono::steady_clock::now();
        while (!client.readable_within(20) && client.send("x")) {
        }
        CHECK(std::chrono::steady_clock::now() - begun < 5s);
        CHECK(status_of(client.read_response()) == 408);
        CHECK(client.at_end());
    }
    SECTION("a later request") {
        raw_client client(server.site.port());
        REQUIRE(client.send(get("/")));
        CHECK(status_of(client.read_response()) == 200);
        REQUIRE(client.send("GET / HTTP/1.1\r\nHost: h\r\nX: "));
        while (!client.readable_within(20) && client.send("x")) {
        }
        CHECK(status_of(client.read_response()) == 408);
        CHECK(client.at_end());
    }
    SECTION("nothing at all") {
        raw_client client(server.site.port());
        CHECK(client.at_end());
    }
}

TEST_CASE("idle connections and slow bodies end in time", "[http][server]") {
    watchful server(server_options().idle_timeout(500ms).body_timeout(50ms));
    SECTION("idle") {
        raw_client client(server.site.port());
        REQUIRE(client.send(get("/")));
        CHECK(status_of(client.read_response()) == 200);
        CHECK(client.at_end());
    }
    SECTION("idle, but for an empty line behind a body") {
        raw_client client(server.site.port());
        REQUIRE(client.send(post("Content-Length: 1\r\n", "x") + "\r"));
        CHECK(status_of(client.read_response()) == 200);
        REQUIRE(client.send("\n"));
        CHECK(client.at_end()); // without a 408
    }
    SECTION("body") {
        raw_client client(server.site.port());
        REQUIRE(client.send(post("Content-Length: 100\r\n", "x")));
        CHECK(status_of(client.read_response()) == 408);
        CHECK(client.at_end());
    }
}

TEST_CASE("a client that does not read its response is given up", "[http][server]") {
    const std::string large(16 * 1024 * 1024, 'x');
    running_server site(
        server_options().write_timeout(100ms),
        [&large](server_request) -> task<server_response> { co_return server_response(200).body(large); });
    raw_client client(site.port());
    REQUIRE(client.send(get("/")));
    // The server closes: what it could not send is missing.
    pollfd p{};
    p.fd = client.native_handle();
    p.events = POLLRDHUP;
    CHECK(::poll(&p, 1, 10'000) == 1);
    CHECK(client.read_to_end().size() < large.size());
}

TEST_CASE("clients that vanish in the midst of things", "[http][server]") {
    watchful server;
    const std::string whole = post("Content-Length: 10\r\n", "0123456789");
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        raw_client client(server.site.port());
        client.send(std::string_view(whole).substr(0, cut));
        linger reset{};
        reset.l_onoff = 1; // close with a reset
        if (cut % 2 == 0) setsockopt(client.native_handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    raw_client client(server.site.port());
    REQUIRE(client.send(get("/")));
    CHECK(status_of(client.read_response()) == 200);
}
