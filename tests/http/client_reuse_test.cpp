// Connections that are kept: used again, opened ahead, and what is done when one had just been closed.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>
#include <tandem/testing.hpp>

#include <atomic>
#include <chrono>
#include <limits>
#include <string>
#include <thread>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace std::chrono_literals;
using namespace tandem;
using scripted::answering;
using scripted::ok;
using scripted::peer;

TEST_CASE("a client keeps connections alive and counts") {
    answering server([](const std::string&) { return ok("x"); });
    auto work = [&]() -> task<> {
        http::client web;
        for (int i = 0; i < 5; ++i) {
            const http::response r = co_await web.get(server.url());
            CHECK(r.connection_reused() == (i > 0));
        }
        const http::client_counters n = web.counters();
        CHECK(n.requests == 5);
        CHECK(n.connections_opened == 1);
        CHECK(n.connections_reused == 4);
        CHECK(n.connections_idle == 1);
        CHECK(n.connections_in_use == 0);
        web.close_idle();
        CHECK(web.counters().connections_idle == 0);
        co_await web.get(server.url());
        CHECK(web.counters().connections_opened == 2);
    };
    scripted::run(work());
    CHECK(server.connections() == 2);
}

TEST_CASE("a client opens connections ahead") {
    answering server([](const std::string&) { return ok("x"); });
    auto work = [&]() -> task<> {
        http::client web(http::client_options().connections_per_host(3).max_connection_age(1h));
        co_await web.warm_up(server.url(), 2);
        CHECK(web.counters().connections_opened == 2);
        CHECK(web.counters().connections_idle == 2);
        CHECK(web.counters().requests == 0);
        co_await web.warm_up(server.url(),
                             100); // no more than the host may have, and those that are there count
        CHECK(web.counters().connections_opened == 3);
        CHECK(web.counters().connections_idle == 3);
        const http::response r = co_await web.get(server.url());
        CHECK(r.connection_reused());
        CHECK(web.counters().connections_opened == 3);
    };
    scripted::run(work());
}

TEST_CASE("a host may have any number of connections") {
    answering server([](const std::string&) { return ok("x"); });
    auto work = [&]() -> task<> {
        constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
        http::client web(http::client_options().connections_per_host(any).connections_total(any));
        co_await web.warm_up(server.url(), 20);
        CHECK(web.counters().connections_idle == 20);
        const http::response r = co_await web.get(server.url());
        CHECK(r.connection_reused());
    };
    scripted::run(work());
}

TEST_CASE("opening ahead where nobody listens says why") {
    std::string nowhere;
    {
        answering gone([](const std::string&) { return ok("x"); });
        nowhere = gone.url();
    }
    auto work = [&]() -> task<> {
        http::client web;
        std::string why;
        try {
            co_await web.warm_up(nowhere, 2);
        } catch (const http::request_error& e) {
            why = e.what();
            CHECK(e.error().phase() == http::request_phase::connect);
        }
        CHECK(why.find("onnection refused") != std::string::npos);
        CHECK(web.counters().connections_idle == 0);
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
}

TEST_CASE("a request that meets a kept connection which was closed is sent again, once") {
    // Every connection answers one request as if to keep alive; the next one on it meets a closed socket.
    std::atomic<int> fail_first{0};
    scripted::server server([&](peer& p, int) {
        if (p.read_request().empty()) return;
        p.send(ok("x"));
        if (p.read_request().empty()) return; // the second is taken, then dropped unanswered
        ++fail_first;
        p.reset();
    });
    auto work = [&]() -> task<> {
        http::client web;
        co_await web.get(server.url());
        const http::response again = co_await web.get(server.url()); // retried on a new connection
        CHECK(again.body() == "x");
        CHECK_FALSE(again.connection_reused());
        CHECK(web.counters().retries == 1);
        CHECK(web.counters().requests == 2);
        // A POST is not repeated.
        const auto post =
            co_await web.try_send(http::request(server.url()).method(http::method::post).body("b"));
        REQUIRE_FALSE(post);
        CHECK((post.error().phase() == http::request_phase::response_head ||
               post.error().phase() == http::request_phase::send));
        CHECK(web.counters().retries == 1);
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
    CHECK(fail_first == 2);
}

// A clock that stands still: for the pool the connection was in use a moment ago, and it does not look.
TEST_CASE("a request that cannot be repeated looks at the connection before it uses it again") {
    std::atomic<bool> ended{false};
    scripted::server server([&](peer& p, int number) {
        if (p.read_request().empty()) return;
        p.send(ok("x"));
        if (number == 0) {
            ::shutdown(p.native_handle(), SHUT_WR);
            tcp_info state{};
            socklen_t size = sizeof(state);
            do { // until the client's side has the end
                getsockopt(p.native_handle(), IPPROTO_TCP, TCP_INFO, &state, &size);
            } while (state.tcpi_state == TCP_FIN_WAIT1);
            ended = true;
        }
        p.wait_closed();
    });
    const auto how = tandem::test::options().io_grace(60s); // no time limit may pass meanwhile
    tandem::test::run(how, [&]() -> task<> {
        http::client web;
        co_await web.get(server.url());
        CHECK(web.counters().connections_idle == 1);
        while (!ended)
            std::this_thread::yield(); // the loop must not look
        const auto post =
            co_await web.try_send(http::request(server.url()).method(http::method::post).body("b"));
        REQUIRE(post);
        CHECK(web.counters().retries == 0);
        CHECK(web.counters().connections_opened == 2);
        CHECK(web.counters().connections_reused == 0);
    });
}

TEST_CASE("no second retry, and none after a byte of the response") {
    SECTION("the new connection fails as well") {
        scripted::server server([](peer& p, int number) {
            if (number == 0 && !p.read_request().empty()) p.send(ok("x"));
            p.read_request();
        });
        auto work = [&]() -> task<> {
            http::client web;
            co_await web.get(server.url());
            const auto r = co_await web.try_get(server.url());
            REQUIRE_FALSE(r);
            CHECK(r.error().phase() == http::request_phase::response_head);
            CHECK(web.counters().retries == 1);
        };
        scripted::run(work());
        CHECK(server.connections() == 2);
    }
    SECTION("a byte has come") {
        scripted::server server([](peer& p, int) {
            if (!p.read_request().empty()) p.send(ok("x"));
            if (!p.read_request().empty()) p.send("H");
        });
        auto work = [&]() -> task<> {
            http::client web;
            co_await web.get(server.url());
            const auto r = co_await web.try_get(server.url());
            REQUIRE_FALSE(r);
            CHECK(web.counters().retries == 0);
        };
        scripted::run(work());
        CHECK(server.connections() == 1);
    }
}

TEST_CASE("connections that are out of step are not used again") {
    std::string text;
    SECTION("Connection: close") {
        text = ok("x", "Connection: close\r\n");
    }
    SECTION("bytes after the body") {
        text = ok("x") + "HTTP/1.1 200 OK\r\n\r\n";
    }
    SECTION("HTTP/1.0") {
        text = "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx";
    }
    SECTION("both framings") {
        text =
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    }
    SECTION("101") {
        text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    }
    answering server([&](const std::string&) { return text; });
    auto work = [&]() -> task<> {
        http::client web;
        for (int i = 0; i < 2; ++i) {
            const http::response r = co_await web.get(server.url());
            CHECK_FALSE(r.connection_reused());
        }
        CHECK(web.counters().connections_idle == 0);
    };
    scripted::run(work());
    CHECK(server.connections() == 2);
}
