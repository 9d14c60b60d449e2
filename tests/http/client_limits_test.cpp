// Limits in time and size, each just under and just over; what errors say; cancellation in each phase.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"

#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/http/client.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <zlib.h>

using namespace std::chrono_literals;
using namespace tandem;
using http::client_options;
using http::request_phase;
using scripted::answering;
using scripted::ok;
using scripted::peer;

namespace {

http::result<http::response> fetch(const http::request& what, const client_options& options) {
    auto work = [&]() -> task<http::result<http::response>> {
        http::client web(options);
        http::result<http::response> r = co_await web.try_send(what);
        CHECK(web.counters().connections_in_use == 0);
        CHECK(web.counters().waiting == 0);
        co_return r;
    };
    return scripted::run(work());
}
http::result<http::response> fetch(const std::string& url, const client_options& options = client_options()) {
    return fetch(http::request(url), options);
}

// A listener whose queue is full: the kernel drops what else comes, so that connecting hangs.
class deaf_listener {
public:
    deaf_listener() {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(fd_, 0) == 0);
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        for (int& filler : fillers_) {
            filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            (void)::connect(filler, reinterpret_cast<sockaddr*>(&address), size);
        }
    }
    ~deaf_listener() {
        for (const int filler : fillers_)
            ::close(filler);
        ::close(fd_);
    }
    std::string url(const char* scheme = "http") const {
        return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_) + "/";
    }

private:
    int fd_ = -1;
    int fillers_[4] = {};
    std::uint16_t port_ = 0;
};

// Takes everything and says nothing.
void silent(peer& p, int) {
    p.wait_closed();
}
// The header and a part of the body, then nothing.
void half(peer& p, int) {
    p.read_request();
    p.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfifty");
    p.wait_closed();
}

std::string zeros_zipped(std::size_t size) {
    z_stream z{};
    REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string in(size, '\0');
    std::string out(deflateBound(&z, size), '\0');
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(size);
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

} // namespace

TEST_CASE("a bad URL is an error like any other") {
    const auto r = fetch("htp://x/");
    REQUIRE_FALSE(r);
    CHECK(r.error().phase() == request_phase::url);
    CHECK(r.error().message().find("GET htp://x/: URL: ") == 0);
    const auto ws = fetch("ws://127.0.0.1/");
    REQUIRE_FALSE(ws);
    CHECK(ws.error().code() == http::errc::unsupported_scheme);
    const auto secret = fetch("http://user:secret@127.0.0.1:1/");
    REQUIRE_FALSE(secret);
    CHECK(secret.error().message().find("secret") == std::string::npos);
}

TEST_CASE("the throwing form throws request_error with the same message") {
    auto work = [&]() -> task<> {
        http::client web;
        std::string text;
        try {
            co_await web.get("http://127.0.0.1:1/x");
        } catch (const http::request_error& e) {
            CHECK(e.phase() == request_phase::connect);
            CHECK(e.code() == boost::system::errc::connection_refused);
            text = e.what();
        }
        CHECK(text.find("GET http://127.0.0.1:1/x: connect: ") == 0);
        CHECK(text.find("refused") != std::string::npos);
    };
    scripted::run(work());
}

TEST_CASE("each time limit ends its phase and is named") {
    deaf_listener deaf;
    scripted::server mute(silent);
    scripted::server halfway(half);
    const auto expect = [](const http::result<http::response>& r, request_phase phase, const char* option,
                           const char* limit = "40 ms") {
        REQUIRE_FALSE(r);
        CAPTURE(r.error().message());
        CHECK(r.error().phase() == phase);
        CHECK(r.error().is_timeout());
        CHECK(r.error().detail().find(option) != std::string::npos);
        CHECK(r.error().detail().find(limit) != std::string::npos);
    };
    expect(fetch(deaf.url(), client_options().connect_timeout(40ms)), request_phase::connect,
           "client_options::connect_timeout");
    expect(fetch("https://" + mute.host_port() + "/", client_options().tls_timeout(40ms)), request_phase::tls,
           "client_options::tls_timeout");
    expect(fetch(mute.url(), client_options().first_byte_timeout(40ms)), request_phase::response_head,
           "client_options::first_byte_timeout");
    expect(fetch(halfway.url(), client_options().read_idle_timeout(40ms)), request_phase::body,
           "client_options::read_idle_timeout");
    // Long enough for the phases before, on a busy machine.
    expect(fetch(http::request(halfway.url()).timeout(700ms), client_options()), request_phase::body,
           "request::timeout", "700 ms");
    expect(fetch(mute.url(), client_options().total_timeout(700ms)), request_phase::response_head,
           "client_options::total_timeout", "700 ms");
    expect(fetch(deaf.url(), client_options().total_timeout(40ms)), request_phase::connect,
           "client_options::total_timeout");
    const std::string large(16 << 20, 'b');
    const auto upload = fetch(http::request(mute.url()).method(http::method::put).body(large),
                              client_options().total_timeout(200ms));
    REQUIRE(upload.has_value() == false); // the server takes it all, or the socket's buffers fill: either way
    CHECK(upload.error().is_timeout());
}

TEST_CASE("the wait for a connection is limited too") {
    scripted::server mute(silent);
    auto work = [&]() -> task<> {
        http::client web(
            client_options().connections_per_host(1).pool_timeout(40ms).first_byte_timeout(300ms));
        const std::string url = mute.url();
        auto first = web.try_get(url);
        auto second = web.try_get(url);
        auto [a, b] = co_await when_all(std::move(first), std::move(second));
        REQUIRE_FALSE(a);
        REQUIRE_FALSE(b);
        CHECK(a.error().phase() == request_phase::response_head);
        CHECK(b.error().phase() == request_phase::pool_wait);
        CHECK(b.error().is_timeout());
        CHECK(b.error().detail().find("client_options::pool_timeout") != std::string::npos);
    };
    scripted::run(work());
}

TEST_CASE("size limits: just under and just over") {
    const std::string zipped = zeros_zipped(1 << 20);
    answering server([&](const std::string& request) -> std::string {
        const std::string target = scripted::target_of(request);
        if (target == "/zip") return ok(zipped, "Content-Encoding: gzip\r\n");
        if (target == "/chunked")
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + std::string(100, 'c') +
                   "\r\n0\r\n\r\n";
        if (target == "/head") return ok("", "X: " + std::string(3000, 'h') + "\r\n");
        if (target == "/fields") {
            std::string fields;
            for (int i = 0; i < 250; ++i)
                fields += "X: y\r\n";
            return ok("", fields);
        }
        return ok(std::string(100, 'a'));
    });
    for (const char* const path : {"/", "/chunked"}) {
        CHECK(fetch(server.url(path), client_options().max_body_bytes(100)));
        const auto over = fetch(server.url(path), client_options().max_body_bytes(99));
        REQUIRE_FALSE(over);
        CHECK(over.error().phase() == request_phase::limit);
        CHECK(over.error().code() == http::errc::body_too_large);
        CHECK(over.error().detail() ==
              "the body is larger than 99 bytes (request::max_body, client_options::max_body_bytes)");
    }
    CHECK(fetch(http::request(server.url()).max_body(100), client_options().max_body_bytes(1)));
    // Decoded bytes count.
    CHECK(fetch(server.url("/zip"), client_options().max_body_bytes(1 << 20).max_expansion(2000)));
    const auto zip =
        fetch(server.url("/zip"), client_options().max_body_bytes((1 << 20) - 1).max_expansion(2000));
    REQUIRE_FALSE(zip);
    CHECK(zip.error().code() == http::errc::body_too_large);

    CHECK(fetch(server.url("/head"), client_options().max_header_bytes(3100)));
    const auto head = fetch(server.url("/head"), client_options().max_header_bytes(3000));
    REQUIRE_FALSE(head);
    CHECK(head.error().phase() == request_phase::limit);
    CHECK(head.error().code() == http::errc::header_too_large);
    CHECK(head.error().detail().find("client_options::max_header_bytes") != std::string::npos);
    const auto fields = fetch(server.url("/fields"));
    REQUIRE_FALSE(fields);
    CHECK(fields.error().code() == http::errc::header_too_large);
}

TEST_CASE("a decompression bomb stops at its expansion, buffered and streamed") {
    const std::string bomb = zeros_zipped(32 << 20);
    answering server([&](const std::string&) { return ok(bomb, "Content-Encoding: gzip\r\n"); });
    const auto r = fetch(server.url(), client_options().max_expansion(500));
    REQUIRE_FALSE(r);
    CHECK(r.error().code() == http::errc::expansion_too_high);
    CHECK(r.error().detail().find("client_options::max_expansion") != std::string::npos);
    auto work = [&]() -> task<> {
        http::client web(client_options().max_expansion(2000));
        http::response_stream s = co_await web.open(http::request(server.url()));
        std::size_t most = 0;
        for (;;) {
            const std::string_view piece = co_await s.read_some();
            if (piece.empty()) break;
            most = std::max(most, piece.size());
        }
        CHECK(most <= 2300u * 1024); // a slice of input at a time
    };
    scripted::run(work());
}

TEST_CASE("cancellation in each phase closes the connection and leaves nothing behind") {
    deaf_listener deaf;
    scripted::server mute(silent);
    scripted::server halfway(half);
    const std::string large(16 << 20, 'b');
    auto work = [&](http::request what, bool streamed) -> task<> {
        http::client web(client_options().connections_per_host(1));
        auto ask = [&]() -> task<> {
            if (streamed) {
                http::response_stream s = co_await web.open(what);
                for (;;) {
                    const std::string_view piece = co_await s.read_some();
                    if (piece.empty()) break;
                }
            } else {
                (void)co_await web.try_send(what);
            }
        };
        bool timed_out = false;
        try {
            auto asking = ask();
            co_await with_timeout(40ms, std::move(asking));
        } catch (const timeout_error&) {
            timed_out = true;
        }
        CHECK(timed_out);
        CHECK(web.counters().connections_in_use == 0);
        CHECK(web.counters().connections_idle == 0);
        CHECK(web.counters().waiting == 0);
    };
    SECTION("connecting") {
        scripted::run(work(http::request(deaf.url()), false));
    }
    SECTION("handshake") {
        scripted::run(work(http::request("https://" + mute.host_port() + "/"), false));
    }
    SECTION("response") {
        scripted::run(work(http::request(mute.url()), false));
    }
    SECTION("body") {
        scripted::run(work(http::request(halfway.url()), false));
    }
    SECTION("stream") {
        scripted::run(work(http::request(halfway.url()), true));
    }
    SECTION("large upload") {
        scripted::server stuck([](peer& p, int) {
            p.read_head();
            // Reads no more until the client is gone.
            char byte;
            (void)byte;
            p.wait_closed();
        });
        scripted::run(work(http::request(stuck.url()).method(http::method::put).body(large), false));
    }
}

TEST_CASE("cancelling a wait for a connection leaves no waiter, and the others get their turn") {
    std::atomic<int> served{0};
    answering server([&](const std::string&) {
        ++served;
        return ok("x");
    });
    scripted::server mute(silent);
    auto work = [&]() -> task<> {
        http::client web(client_options().connections_per_host(1).connections_total(1));
        auto blocked = [&]() -> task<bool> { // holds the only connection for a while
            const auto r = co_await web.try_send(http::request(mute.url()).timeout(100ms));
            co_return r.has_value();
        };
        auto waits = [&]() -> task<bool> {
            bool cancelled = false;
            try {
                auto get = web.get(server.url());
                co_await with_timeout(20ms, std::move(get));
            } catch (const timeout_error&) {
                cancelled = true;
            }
            co_return cancelled;
        };
        auto patient = [&]() -> task<bool> {
            const auto r = co_await web.try_get(server.url());
            co_return r.has_value();
        };
        auto a = blocked();
        auto b = waits();
        auto c = patient();
        auto [first, second, third] = co_await when_all(std::move(a), std::move(b), std::move(c));
        CHECK_FALSE(first);
        CHECK(second);
        CHECK(third);
        CHECK(web.counters().waiting == 0);
        CHECK(web.counters().connections_in_use == 0);
        CHECK(web.counters().connections_idle == 1);
    };
    scripted::run(work());
    CHECK(served == 1);
}

TEST_CASE("200 requests at a time never exceed the limit of a host") {
    std::atomic<int> open{0};
    std::atomic<int> most{0};
    scripted::server server([&](peer& p, int) {
        const int now = ++open;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        for (;;) {
            const std::string request = p.read_request();
            if (request.empty()) break;
            p.send(ok(scripted::target_of(request)));
        }
        --open;
    });
    auto work = [&]() -> task<> {
        http::client web(client_options().connections_per_host(4));
        std::vector<std::string> urls;
        for (int i = 0; i < 200; ++i)
            urls.push_back(server.url("/" + std::to_string(i)));
        auto get = [&web](std::string url) { return web.get(std::move(url)); };
        const std::vector<http::response> all = co_await concurrent_map(urls, 200, get);
        for (std::size_t i = 0; i < all.size(); ++i)
            CHECK(all[i].body() == "/" + std::to_string(i));
        CHECK(web.counters().connections_opened == 4);
        CHECK(web.counters().connections_idle == 4);
    };
    scripted::run(work());
    CHECK(most == 4);
}

TEST_CASE("connect_to leads a name to another address") {
    answering server([](const std::string&) { return ok("here"); });
    const auto r = fetch("http://shop.example:8080/x",
                         client_options().connect_to("shop.example:8080", server.host_port()));
    REQUIRE(r);
    CHECK(r->body() == "here");
    CHECK(scripted::field_of(server.requests()[0], "Host") == "shop.example:8080");
}
