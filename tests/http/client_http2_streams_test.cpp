// Many requests on one HTTP/2 connection: limits of streams, refusals, one that is cancelled, late or slow
// beside others.
#include "tests/support/catch.hpp"

#include "tests/http/h2_peer.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/client.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using h2_test::answering;
using h2_test::h2c;
using h2_test::peer;
using h2_test::request;
using h2_test::server;

namespace {

void echo(peer& p, const request& r) {
    p.answer(r.id, r.path() + " " + r.body);
}

} // namespace

TEST_CASE("http2: no more streams at a time than the peer allows, the others wait their turn") {
    std::vector<std::string> order;
    std::optional<server> web_server(
        std::in_place,
        [&](peer& p, int) {
            for (;;) { // two requests, then nothing may come before one of them is answered
                const request a = p.next();
                if (a.id == 0) return;
                order.push_back(a.path());
                if (a.path() == "/first") {
                    echo(p, a);
                    continue;
                }
                const request b = p.next();
                order.push_back(b.path());
                p.send(NGHTTP2_PING, 0, 0, "12345678");
                // The client answers a PING in order: a third HEADERS would have come before it.
                for (;;) {
                    const h2_test::frame f = p.read();
                    if (f.type == NGHTTP2_PING) break;
                    if (f.type == NGHTTP2_HEADERS) order.push_back("too many");
                    if (f.type < 0) return;
                }
                echo(p, b);
                echo(p, a);
            }
        },
        peer::settings{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}});
    auto work = [&]() -> task<> {
        http::client web(h2c());
        const http::response first = co_await web.get(web_server->url("/first"));
        CHECK(first.ok());
        std::vector<task<http::response>> all;
        for (int i = 0; i < 6; ++i)
            all.push_back(web.get(web_server->url("/" + std::to_string(i))));
        const std::vector<http::response> got = co_await when_all(std::move(all));
        for (int i = 0; i < 6; ++i)
            CHECK(got[static_cast<std::size_t>(i)].body() == "/" + std::to_string(i) + " ");
        CHECK(web.counters().connections_opened == 1);
        CHECK(web.counters().waiting == 0);
    };
    scripted::run(work());
    web_server.reset(); // its threads have ended
    CHECK(order == std::vector<std::string>{"/first", "/0", "/1", "/2", "/3", "/4", "/5"});
}

TEST_CASE("http2: a request that was refused is sent again, whatever its method") {
    std::atomic<int> requests{0};
    server web_server(answering([&](peer& p, const request& r) {
        ++requests;
        if (r.path() == "/always" || requests == 1)
            p.reset(r.id, NGHTTP2_REFUSED_STREAM);
        else
            echo(p, r);
    }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        const http::response r = co_await web.post(web_server.url("/once"), "body", "text/plain");
        CHECK(r.body() == "/once body");
        CHECK(web.counters().retries == 1);
        const auto always = co_await web.try_get(web_server.url("/always"));
        REQUIRE_FALSE(always);
        CHECK(always.error().message().find("REFUSED_STREAM") != std::string::npos);
        CHECK(web.counters().retries == 4);
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
    CHECK(requests == 6);
}

TEST_CASE("http2: a request that was reset for another reason is not sent again") {
    std::atomic<int> requests{0};
    server web_server(answering([&](peer& p, const request& r) {
        ++requests;
        p.reset(r.id, NGHTTP2_INTERNAL_ERROR);
    }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        const auto got = co_await web.try_get(web_server.url("/"));
        CHECK_FALSE(got);
        CHECK(web.counters().connections_idle == 1); // the connection is as good as before
    };
    scripted::run(work());
    CHECK(requests == 1);
}

TEST_CASE("http2: after GOAWAY what was looked at is answered, the rest goes over a new connection") {
    server web_server([](peer& p, int number) {
        if (number > 0) return p.serve(echo);
        const request first = p.next();
        const request second = p.next();
        p.goaway(std::min(first.id, second.id));
        echo(p, first.id < second.id ? first : second);
        p.wait_closed();
    });
    auto work = [&]() -> task<> {
        http::client web(h2c());
        std::vector<task<http::response>> both;
        for (const char* const path : {"/a", "/b"})
            both.push_back(web.post(web_server.url(path), "x", "text/plain"));
        const std::vector<http::response> got = co_await when_all(std::move(both));
        CHECK(got[0].body() == "/a x");
        CHECK(got[1].body() == "/b x");
        CHECK(web.counters().connections_opened == 2);
        CHECK(web.counters().connections_idle == 1);
        CHECK(web.counters().retries == 1);
    };
    scripted::run(work());
}

TEST_CASE("http2: a connection that was closed while it was idle is replaced") {
    server web_server([](peer& p, int number) {
        if (number > 0) return p.serve(echo);
        echo(p, p.next());
        p.read(NGHTTP2_SETTINGS); // the acknowledgement: nothing is unread, so this closes without a reset
    });
    auto work = [&]() -> task<> {
        http::client web(h2c());
        const http::response a = co_await web.get(web_server.url("/a"));
        const http::response b = co_await web.get(web_server.url("/b"));
        CHECK(a.body() + b.body() == "/a /b ");
        CHECK(web.counters().connections_opened == 2);
    };
    scripted::run(work());
}

TEST_CASE("http2: a response that nobody reads stops its own stream only") {
    server web_server(answering([](peer& p, const request& r) {
        if (r.path() != "/large") return echo(p, r);
        p.headers(r.id, {{":status", "200"}}, false);
        p.data(r.id, std::string(1 << 20, 'x'), false); // all of the stream's window
    }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        std::vector<http::response_stream> unread;
        for (int i = 0; i < 20; ++i) // more than the connection's window
            unread.push_back(co_await web.open(http::request(web_server.url("/large"))));
        for (int i = 0; i < 10; ++i) {
            const http::response r = co_await web.get(web_server.url("/small"));
            CHECK(r.body() == "/small ");
        }
        CHECK(web.counters().connections_opened == 1);
        unread.clear();
        const http::response last = co_await web.get(web_server.url("/last"));
        CHECK(last.body() == "/last ");
        CHECK(web.counters().connections_idle == 1);
    };
    scripted::run(work());
}

TEST_CASE("http2: the peer may send as much as is read, and not more") {
    std::size_t before_reading = 0;
    std::optional<server> web_server(std::in_place, [&](peer& p, int) {
        const request r = p.next();
        p.headers(r.id, {{":status", "200"}}, false);
        p.data(r.id, std::string(1 << 20, 'x'), false);
        // Only when the reader has taken some of it may more be sent.
        for (;;) {
            const h2_test::frame f = p.read(NGHTTP2_WINDOW_UPDATE, r.id);
            if (f.type < 0) return;
            before_reading = h2_test::number_of(f.payload);
            p.data(r.id, "end", true);
            p.wait_closed();
            return;
        }
    });
    auto work = [&]() -> task<> {
        http::client web(h2c());
        http::response_stream body = co_await web.open(http::request(web_server->url("/")));
        const std::string all = co_await body.read_all(1 << 22);
        CHECK(all.size() == (1 << 20) + 3);
    };
    scripted::run(work());
    web_server.reset(); // its threads have ended
    CHECK(before_reading > 0);
    CHECK(before_reading <= 1 << 20);
}

TEST_CASE("http2: one request that is late does not disturb the others") {
    server web_server(answering([](peer& p, const request& r) {
        if (r.path() != "/never") echo(p, r);
    }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        std::vector<task<http::result<http::response>>> all;
        for (int i = 0; i < 10; ++i) {
            http::request late(web_server.url("/never"));
            late.timeout(30ms);
            all.push_back(web.try_send(std::move(late)));
            all.push_back(web.try_get(web_server.url("/fine")));
        }
        const auto got = co_await when_all(std::move(all));
        for (std::size_t i = 0; i < got.size(); i += 2) {
            REQUIRE_FALSE(got[i]);
            CHECK(got[i].error().is_timeout());
            REQUIRE(got[i + 1]);
            CHECK(got[i + 1]->body() == "/fine ");
        }
        CHECK(web.counters().connections_opened == 1);
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
}

TEST_CASE("http2: a request that is cancelled is reset, the connection goes on") {
    std::uint32_t code = 0;
    std::optional<server> web_server(std::in_place, [&](peer& p, int) {
        const request held = p.next();
        p.headers(held.id, {{":status", "200"}}, false);
        const h2_test::frame reset = p.read(NGHTTP2_RST_STREAM, held.id);
        code = h2_test::number_of(reset.payload);
        p.serve(echo);
    });
    auto work = [&]() -> task<> {
        http::client web(h2c());
        {
            http::response_stream body = co_await web.open(http::request(web_server->url("/held")));
            CHECK(body.status() == 200);
            CHECK(web.counters().connections_in_use == 1);
        }
        CHECK(web.counters().connections_in_use == 0);
        const http::response r = co_await web.get(web_server->url("/next"));
        CHECK(r.body() == "/next ");
        CHECK(r.connection_reused());
    };
    scripted::run(work());
    web_server.reset(); // its threads have ended
    CHECK(code == NGHTTP2_CANCEL);
}

// A peer whose windows are so large that it never updates them has no reason to send a frame before the body
// is there; and a socket with a small buffer is full nearly all the time. So whoever waits must write.
TEST_CASE("http2: large bodies over a slow socket, to a peer that says nothing meanwhile") {
    constexpr std::uint32_t huge = 0x7fffffff;
    server web_server(
        [](peer& p, int) {
            p.window(0, huge - 65535);
            std::map<std::uint32_t, std::size_t> received;
            for (;;) {
                const auto f = p.read();
                if (f.type == -1) return;
                if (f.type == NGHTTP2_DATA) received[f.id] += f.payload.size();
                const bool is_request = f.type == NGHTTP2_DATA || f.type == NGHTTP2_HEADERS;
                if (is_request && f.has(NGHTTP2_FLAG_END_STREAM))
                    p.answer(f.id, std::to_string(received[f.id]));
            }
        },
        {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, huge}});
    auto work = [&]() -> task<> {
        http::client web(h2c().socket(socket_options().send_buffer(4096)).first_byte_timeout(20s));
        auto upload = [&](std::size_t size) -> task<std::string> {
            const http::response r =
                co_await web.post(web_server.url("/"), std::string(size, 'x'), "text/plain");
            co_return r.body();
        };
        const std::string alone = co_await upload(3'000'000);
        CHECK(alone == "3000000");
        auto [a, b, c] = co_await when_all(upload(1'000'000), upload(2'000'000), upload(0));
        CHECK(a == "1000000");
        CHECK(b == "2000000");
        CHECK(c == "0");
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
}

// What it still has to send, for a request that was given up, must not keep a task from its answer.
TEST_CASE("http2: an answer is read although the peer takes nothing") {
    constexpr std::uint32_t huge = 0x7fffffff;
    std::promise<void> given_up;
    std::promise<void> answered;
    server web_server(
        [&](peer& p, int) {
            p.window(0, huge - 65535);
            const request get = p.next();
            p.next_head(); // the upload: not a byte of it is read any more, but what has come with its head
            given_up.get_future().wait();
            p.answer(get.id, "here it is");
            answered.get_future().wait();
            while (p.read().type != -1) {
            }
        },
        {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, huge}});
    auto work = [&]() -> task<> {
        http::client web(h2c().socket(socket_options().send_buffer(4096)).first_byte_timeout(20s));
        auto upload = [&]() -> task<> {
            http::request big(web_server.url("/upload"));
            big.method(http::method::post).body(std::string(20'000'000, 'x')).timeout(300ms);
            const auto failed = co_await web.try_send(std::move(big));
            CHECK(failed.error().is_timeout());
            given_up.set_value();
        };
        auto get = [&]() -> task<std::string> {
            const auto r = co_await web.try_get(web_server.url("/get"));
            answered.set_value();
            co_return r ? r->body() : "no answer";
        };
        auto [answer, nothing] = co_await when_all(get(), upload());
        CHECK(answer == "here it is");
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
}

TEST_CASE("http2: an early answer ends the sending of a large body") {
    server web_server([](peer& p, int) {
        const request r = p.next_head();
        p.answer(r.id, "enough");
        p.reset(r.id, NGHTTP2_NO_ERROR);
        p.serve(echo);
    });
    auto work = [&]() -> task<> {
        http::client web(h2c());
        const http::response r =
            co_await web.post(web_server.url("/"), std::string(5000000, 'x'), "text/plain");
        CHECK(r.body() == "enough");
        const http::response next = co_await web.get(web_server.url("/next"));
        CHECK(next.body() == "/next ");
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
}

TEST_CASE("http2: requests can be cancelled anywhere") {
    server web_server(answering([](peer& p, const request& r) {
        p.answer(r.id, r.path() + std::string(30000, 'x') + std::to_string(r.body.size()));
    }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        auto scenario = [&]() -> task<> {
            std::vector<task<http::response>> all;
            all.push_back(web.get(web_server.url("/a")));
            all.push_back(web.post(web_server.url("/b"), std::string(200000, 'b'), "text/plain"));
            all.push_back(web.get(web_server.url("/c")));
            const std::vector<http::response> got = co_await when_all(std::move(all));
            CHECK(got[1].body().size() == 2 + 30000 + 6);
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
            CHECK(web.counters().waiting == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 20);
        co_await scenario();
        const http::response r = co_await web.get(web_server.url("/last"));
        CHECK(r.body().substr(0, 5) == "/last");
    };
    tests::run_on_loop(work());
}

TEST_CASE("http2: one of several can be cancelled anywhere, the others get their answers") {
    server web_server(answering([](peer& p, const request& r) { p.answer(r.id, r.path() + r.body); }));
    auto work = [&]() -> task<> {
        http::client web(h2c());
        auto others = [&](int n) -> task<> {
            for (int i = 0; i < n; ++i) {
                const http::response r =
                    co_await web.post(web_server.url("/other"), std::string(40000, 'o'), "text/plain");
                CHECK(r.body().size() == 40006);
            }
        };
        for (std::size_t turns = 0; turns < 200; ++turns) {
            task_group group;
            group.spawn(others(2));
            task_group victim;
            victim.spawn(
                [&web](std::string url) -> task<> { static_cast<void>(co_await web.get(std::move(url))); },
                web_server.url("/victim"));
            co_await tests::turns(turns);
            victim.cancel();
            co_await victim.join();
            co_await group.join();
            CHECK(web.counters().connections_in_use == 0);
        }
        CHECK(web.counters().connections_opened == 1);
    };
    tests::run_on_loop(work());
}
