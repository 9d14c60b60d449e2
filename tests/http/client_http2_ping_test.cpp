// Whether a silent HTTP/2 connection is alive. The peer is a task of the same loop, so that the test's clock
// waits for all that both sides do.
#include "tests/support/catch.hpp"

#include "lib/net/listener.hpp"
#include "tests/http/h2_peer.hpp"

#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/client.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using h2_test::frame;

namespace {

// Requests wait as long as they have to; the defaults for PING are 30 s and 15 s.
http::client_options patient() {
    return http::client_options()
        .http2(http::http2_use::prior_knowledge)
        .first_byte_timeout(1h)
        .read_idle_timeout(1h);
}

// The server's side of one connection.
class peer {
public:
    explicit peer(net::stream s) : stream_(std::move(s)) {}

    task<> begin() {
        static_cast<void>(co_await bytes(24)); // the preface
        co_await send(NGHTTP2_SETTINGS, 0, 0);
    }

    // The next HEADERS or PING; type -1 at the end.
    task<frame> next() {
        for (;;) {
            const std::string head = co_await bytes(9);
            if (head.size() < 9) co_return frame();
            std::string payload = co_await bytes(h2_test::number_of(head.substr(0, 3)));
            const frame got(head[3], head[4], h2_test::number_of(head.substr(5)), std::move(payload));
            if (got.type == NGHTTP2_PING) ++pings;
            if (got.type == NGHTTP2_SETTINGS && !got.has(NGHTTP2_FLAG_ACK))
                co_await send(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0);
            if (got.type == NGHTTP2_PING || got.type == NGHTTP2_HEADERS) co_return got;
        }
    }
    task<> wait_closed() {
        for (;;) {
            const frame got = co_await next();
            if (got.type < 0) co_return;
        }
    }

    task<> send(int type, int flags, std::uint32_t id, std::string payload = "") {
        const std::string text = h2_test::frame_text(type, flags, id, payload);
        static_cast<void>(co_await stream_.write(text));
    }
    task<> acknowledge(frame ping) {
        co_await send(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, std::move(ping.payload));
    }
    task<> head(std::uint32_t id) {
        const h2_test::fields status(1, {":status", "200"});
        co_await send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, h2_test::packed(status));
    }
    task<> data(std::uint32_t id, std::string body, bool end) {
        co_await send(NGHTTP2_DATA, end ? NGHTTP2_FLAG_END_STREAM : 0, id, std::move(body));
    }
    task<> answer(std::uint32_t id, std::string body) {
        co_await head(id);
        co_await data(id, std::move(body), true);
    }

    // Takes so many bytes, whatever they are; false at the end.
    task<bool> skip(std::size_t size) {
        const std::string taken = co_await bytes(size);
        co_return taken.size() == size;
    }

    int pings = 0;

private:
    task<std::string> bytes(std::size_t size) {
        while (in_.size() < size) {
            char piece[16384];
            const io_result got = co_await stream_.read_some(piece, sizeof(piece));
            if (got.error || got.bytes == 0) break;
            in_.append(piece, got.bytes);
        }
        std::string taken = in_.substr(0, size);
        in_.erase(0, size);
        co_return taken;
    }

    net::stream stream_;
    std::string in_;
};

// What the server does with its connections, of the given number from 0 on.
using script = std::function<task<>(peer&, int number)>;
// What the client does.
using client_work = std::function<task<>(http::client&, std::string url)>;

task<> serve(net::listener& on, const script& what) {
    const auto speak = [](net::stream s, const script& do_it, int number) -> task<> {
        peer p(std::move(s));
        co_await p.begin();
        co_await do_it(p, number);
        co_await p.wait_closed();
    };
    co_await with_task_group([&](task_group& connections) -> task<> {
        for (int number = 0;; ++number) {
            net::accepted one = co_await on.accept();
            connections.spawn(speak, std::move(one.connection), std::cref(what), number);
        }
    });
}

void run(http::client_options options, script server, client_work client) {
    const auto how = test::options().io_grace(10ms); // the kernel may be busy with others
    test::run(how, [&]() -> task<> {
        scheduler& home = task_context::current()->home();
        net::listener on(home, "127.0.0.1");
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(serve, std::ref(on), std::cref(server));
            {
                http::client web(options);
                co_await client(web, "http://127.0.0.1:" + std::to_string(on.port()) + "/");
                CHECK(web.counters().connections_in_use == 0);
            }
            co_await sleep_for(1s); // the server sees the end of its connections
            group.cancel();
        });
    });
}

// Answers everything at once.
task<> serve_all(peer& p) {
    for (;;) {
        const frame got = co_await p.next();
        if (got.type < 0) co_return;
        if (got.type == NGHTTP2_PING)
            co_await p.acknowledge(got);
        else
            co_await p.answer(got.id, "fine");
    }
}

bool says(const http::error& e, const std::string& words) {
    return e.message().find(words) != std::string::npos;
}

} // namespace

TEST_CASE("http2: a peer that is silent for long, but answers PINGs, is waited for") {
    int pings = 0;
    const auto server = [&](peer& p, int) -> task<> {
        const frame request = co_await p.next();
        for (int i = 0; i < 3; ++i) {
            const frame ping = co_await p.next();
            CHECK(ping.type == NGHTTP2_PING);
            co_await p.acknowledge(ping);
        }
        co_await p.answer(request.id, "at last");
        pings = p.pings;
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const auto begun = test::elapsed();
        const http::response r = co_await web.get(url);
        CHECK(r.body() == "at last");
        CHECK(test::elapsed() - begun >= 90s);
        CHECK(test::elapsed() - begun < 91s);
        CHECK(web.counters().connections_idle == 1);
    };
    run(patient(), server, client);
    CHECK(pings == 3);
}

TEST_CASE("http2: when a PING is not answered every request on the connection "
          "fails, and the error says so") {
    const auto server = [](peer& p, int number) -> task<> {
        if (number > 0) co_await serve_all(p);
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const auto begun = test::elapsed();
        std::vector<task<http::result<http::response>>> all;
        for (int i = 0; i < 3; ++i)
            all.push_back(web.try_post(url, "x", "text/plain"));
        const auto got = co_await when_all(std::move(all));
        CHECK(test::elapsed() - begun >= 45s);
        CHECK(test::elapsed() - begun < 46s);
        for (const auto& each : got) {
            REQUIRE_FALSE(each);
            CHECK(says(each.error(), "not even the answer to a PING"));
            CHECK(says(each.error(), "30 s, client_options::http2_ping_interval"));
            CHECK(says(each.error(), "15 s more, client_options::http2_ping_timeout"));
            CHECK_FALSE(each.error().is_timeout());
            CHECK(each.error().is_transient());
        }
        CHECK(web.counters().connections_idle == 0);
        const http::response next = co_await web.get(url); // over a new connection
        CHECK(next.body() == "fine");
    };
    run(patient(), server, client);
}

TEST_CASE("http2: a request that a dead connection was kept for is repeated on "
          "another") {
    const auto server = [](peer& p, int number) -> task<> {
        if (number > 0) co_return co_await serve_all(p);
        const frame first = co_await p.next();
        co_await p.answer(first.id, "first");
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const http::response first = co_await web.get(url);
        CHECK(first.body() == "first");
        const http::response second = co_await web.get(url);
        CHECK(second.body() == "fine");
        CHECK_FALSE(second.connection_reused());
        CHECK(web.counters().connections_opened == 2);
        CHECK(web.counters().retries == 1);
    };
    run(patient(), server, client);
}

TEST_CASE("http2: whatever comes is a sign of life, not only the answer to a PING") {
    int pings = 0;
    const auto server = [&](peer& p, int) -> task<> {
        const frame request = co_await p.next();
        co_await p.head(request.id);
        for (int i = 0; i < 4; ++i) { // 30 s later than the last piece
            const frame ping = co_await p.next();
            CHECK(ping.type == NGHTTP2_PING);
            co_await p.data(request.id, "piece ", i == 3);
        }
        pings = p.pings;
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const http::response r = co_await web.get(url);
        CHECK(r.body() == "piece piece piece piece ");
    };
    run(patient(), server, client);
    CHECK(pings == 4);
}

TEST_CASE("http2: a peer that takes an upload slowly is alive, even when it says nothing meanwhile") {
    constexpr std::uint32_t huge = 0x7fffffff;
    const auto server = [](peer& p, int) -> task<> {
        co_await p.send(NGHTTP2_SETTINGS, 0, 0,
                        h2_test::number(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + h2_test::number(huge, 4));
        co_await p.send(NGHTTP2_WINDOW_UPDATE, 0, 0, h2_test::number(huge - 65535, 4));
        for (int i = 0; i < 16; ++i) {
            co_await sleep_for(20s);
            const bool there = co_await p.skip(1 << 20);
            CHECK(there);
        }
        co_await p.answer(1, "enough");
        bool more = true;
        while (more)
            more = co_await p.skip(1 << 20);
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const auto begun = test::elapsed();
        const auto r = co_await web.try_post(url, std::string(40'000'000, 'x'), "text/plain");
        INFO((r ? "" : r.error().message()));
        REQUIRE(r);
        CHECK(r->body() == "enough");
        CHECK(test::elapsed() - begun >= 320s);
    };
    run(patient().socket(socket_options().send_buffer(256 * 1024)), server, client);
}

TEST_CASE("http2: no PING while something comes, however little") {
    int pings = 0;
    const auto server = [&](peer& p, int) -> task<> {
        const frame request = co_await p.next();
        co_await p.head(request.id);
        for (int i = 0; i < 20; ++i) {
            co_await sleep_for(29s);
            co_await p.data(request.id, "x", i == 19);
        }
        co_await p.wait_closed();
        pings = p.pings;
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const http::response r = co_await web.get(url);
        CHECK(r.body().size() == 20);
    };
    run(patient(), server, client);
    CHECK(pings == 0);
}

TEST_CASE("http2: a connection that nobody reads is not asked, and not given up") {
    int pings = 0;
    const auto server = [&](peer& p, int) -> task<> {
        const frame request = co_await p.next();
        co_await p.head(request.id);
        co_await sleep_for(10min);
        co_await p.data(request.id, "body", true);
        co_await p.wait_closed();
        pings = p.pings;
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        http::response_stream unread = co_await web.open(http::request(url));
        co_await sleep_for(20min);
        const std::string body = co_await unread.read_all();
        CHECK(body == "body");
    };
    run(patient(), server, client);
    CHECK(pings == 0);
}

TEST_CASE("http2: PINGs can be left out, and their answers need not be waited for") {
    int pings = 0;
    const auto server = [&](peer& p, int) -> task<> {
        const frame request = co_await p.next();
        co_await sleep_for(10min);
        co_await p.answer(request.id, "late");
        co_await p.wait_closed();
        pings = p.pings;
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const http::response r = co_await web.get(url);
        CHECK(r.body() == "late");
    };
    run(patient().http2_ping_interval(0s), server, client);
    CHECK(pings == 0);
    run(patient().http2_ping_timeout(0s), server, client);
    CHECK(pings >= 19);
    CHECK(pings <= 20);
    // The longest times mean never, and for ever.
    run(patient().http2_ping_interval(std::chrono::nanoseconds::max()), server, client);
    CHECK(pings == 0);
    run(patient().http2_ping_timeout(std::chrono::nanoseconds::max()), server, client);
    CHECK(pings == 1);
}

TEST_CASE("http2: who is cancelled while a PING is under way leaves the "
          "question to the others") {
    int pings = 0;
    const auto server = [&](peer& p, int) -> task<> {
        frame last;
        for (;;) {
            const frame got = co_await p.next();
            if (got.type < 0) co_return;
            if (got.type == NGHTTP2_HEADERS) {
                last = got;
                continue;
            }
            ++pings;
            co_await sleep_for(14s);
            co_await p.acknowledge(got);
            if (pings == 2) co_await p.answer(last.id, "to the last");
        }
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const auto give_up = [&](time_span after) -> task<bool> {
            const auto got = co_await move_on_after(after, web.try_get(url));
            co_return !got.has_value();
        };
        // The first reads. It goes before the PING, the second while it is
        // unanswered: the third hears all.
        auto [first, second, third] = co_await when_all(give_up(29s), give_up(35s), web.try_get(url));
        CHECK(first);
        CHECK(second);
        REQUIRE(third);
        CHECK(third->body() == "to the last");
        CHECK(web.counters().connections_opened == 1);
    };
    run(patient(), server, client);
    CHECK(pings == 2);
}

TEST_CASE("http2: all who wait can go while a PING is under way, and the "
          "connection is used again") {
    const auto server = [](peer& p, int) -> task<> {
        const frame given_up = co_await p.next();
        const frame ping = co_await p.next();
        CHECK(ping.type == NGHTTP2_PING);
        co_await sleep_for(20s); // the client has gone meanwhile, and comes again
        co_await p.acknowledge(ping);
        co_await serve_all(p);
    };
    const auto client = [](http::client& web, std::string url) -> task<> {
        const auto gone = co_await move_on_after(35s, web.try_get(url));
        CHECK_FALSE(gone);
        co_await sleep_for(5s);
        const http::response r = co_await web.get(url);
        CHECK(r.body() == "fine");
        CHECK(r.connection_reused());
        CHECK(web.counters().connections_opened == 1);
    };
    run(patient().idle_timeout(1h), server, client);
}
