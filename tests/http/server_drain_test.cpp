// How a server ends: what it lets finish, what it closes, and when.
#include "tests/http/server_support.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/error.hpp>
#include <tandem/sync/event.hpp>

#include <chrono>
#include <future>
#include <optional>

using namespace server_test;
using namespace std::chrono_literals;

namespace {

// A server whose handler waits until it is let go, run inside a group that the test cancels from outside.
class waiting_server {
public:
    explicit waiting_server(server_options options)
        : site(std::move(options), [this](server_request request) -> task<server_response> {
              if (request.path() == "/quick") co_return server_response::text("quick");
              entered.set_value();
              std::exception_ptr failure;
              try {
                  co_await go.wait();
              } catch (...) {
                  failure = std::current_exception();
              }
              if (failure) {
                  handler_cancelled = true;
                  std::rethrow_exception(failure);
              }
              co_return server_response::text("waited");
          }) {
        site.listen();
        thread = std::thread([this] {
            runtime loop(runtime_options().workers(1));
            loop.run(run());
        });
    }
    ~waiting_server() {
        go.set();
        cancel.set();
        thread.join();
    }

    task<> run() {
        co_await with_task_group([this](task_group& group) -> task<> {
            group.spawn([this]() -> task<> { return serve(); });
            co_await cancel.wait();
            group.cancel();
        });
    }
    task<> serve() {
        try {
            co_await site.serve();
        } catch (const operation_cancelled&) {
            served_cancelled = true;
        }
        ended.set_value();
    }

    server site;
    event go;
    event cancel;
    std::promise<void> entered;
    std::promise<void> ended;
    bool served_cancelled = false;  // after `ended`
    bool handler_cancelled = false; // after `ended`
    std::thread thread;
};

} // namespace

TEST_CASE("cancellation lets a request in progress end", "[http][server]") {
    waiting_server s(server_options().drain_timeout(20s));
    raw_client idle(s.site.port());
    REQUIRE(idle.send(get("/quick")));
    CHECK(status_of(idle.read_response()) == 200);
    raw_client busy(s.site.port());
    REQUIRE(busy.send(get("/wait") + get("/quick")));
    s.entered.get_future().wait();
    s.cancel.set();
    CHECK(idle.at_end()); // at once, while the other is still being served
    CHECK_FALSE(busy.readable_within(50));
    raw_client late(s.site.port());
    CHECK_FALSE(late.connected());
    s.go.set();
    const std::string response = busy.read_response();
    CHECK(body_of(response) == "waited");
    CHECK(has(response, "\r\nConnection: close\r\n"));
    CHECK(busy.at_end()); // the second of the pipeline is not begun any more
    busy.close();
    s.ended.get_future().wait();
    CHECK(s.served_cancelled);
    CHECK_FALSE(s.handler_cancelled);
}

TEST_CASE("after drain_timeout the handlers are cancelled", "[http][server]") {
    waiting_server s(server_options().drain_timeout(50ms));
    raw_client busy(s.site.port());
    REQUIRE(busy.send(get("/wait")));
    s.entered.get_future().wait();
    const auto begun = std::chrono::steady_clock::now();
    s.cancel.set();
    s.ended.get_future().wait();
    CHECK(std::chrono::steady_clock::now() - begun >= 50ms);
    CHECK(s.served_cancelled);
    CHECK(s.handler_cancelled);
    CHECK(busy.read_to_end().empty());
}

TEST_CASE("a request whose header is half there may still be finished", "[http][server]") {
    waiting_server s(server_options().drain_timeout(20s));
    raw_client half(s.site.port());
    raw_client idle(s.site.port());
    REQUIRE(idle.send(get("/quick"))); // tells that the loop has seen `half`'s bytes before
    REQUIRE(half.send("GET /quick HTTP/1.1\r\n"));
    CHECK(status_of(idle.read_response()) == 200);
    REQUIRE(idle.send(get("/quick")));
    CHECK(status_of(idle.read_response()) == 200);
    s.cancel.set();
    CHECK(idle.at_end());
    REQUIRE(half.send("Host: h\r\n\r\n"));
    CHECK(body_of(half.read_response()) == "quick");
    CHECK(half.at_end());
}

TEST_CASE("stop() ends serve() normally, and it may serve again", "[http][server]") {
    server site(server_options(), echo);
    for (int round = 0; round < 2; ++round) {
        site.listen();
        std::promise<bool> returned;
        std::thread thread([&] {
            runtime loop(runtime_options().workers(1));
            loop.run(site.serve());
            returned.set_value(true);
        });
        raw_client client(site.port());
        REQUIRE(client.send(get("/")));
        CHECK(status_of(client.read_response()) == 200);
        site.stop();
        CHECK(returned.get_future().get());
        thread.join();
        CHECK(client.at_end());
        CHECK(site.connections() == 0);
    }
    site.stop(); // before it serves: the next one ends at once
    runtime loop(runtime_options().workers(1));
    loop.run(site.serve());
}

TEST_CASE("serve() under a time limit", "[http][server]") {
    server site(server_options(), echo);
    runtime loop(runtime_options().workers(1));
    CHECK_THROWS_AS(loop.run(with_timeout(20ms, site.serve())), timeout_error);
    CHECK_THROWS_AS(loop.run([&site]() -> task<> {
        co_await with_task_group([&site](task_group& group) -> task<> {
            group.spawn([&site]() -> task<> { return site.serve(); });
            co_await yield();
            co_await site.serve(); // while the other does
        });
    }),
                    std::logic_error);
}

TEST_CASE("a handler's own time limit is not the server's", "[http][server]") {
    server site(server_options(), [](server_request) -> task<server_response> {
        bool in_time = true;
        try {
            co_await with_timeout(20ms, sleep_for(10s));
        } catch (const timeout_error&) {
            in_time = false;
        }
        co_return server_response::text(in_time ? "in time" : "late");
    });
    site.listen();
    std::thread thread([&site] {
        runtime loop(runtime_options().workers(1));
        loop.run(with_timeout(60s, site.serve()));
    });
    raw_client client(site.port());
    CHECK(client.send(get("/")));
    CHECK(body_of(client.read_response()) == "late");
    site.stop();
    thread.join();
}

TEST_CASE("a runtime that is destroyed while a server serves leaks nothing", "[http][server]") {
    server site(server_options().drain_timeout(10s), [](server_request) -> task<server_response> {
        co_await sleep_for(1h);
        co_return server_response::text("never");
    });
    site.listen();
    std::optional<raw_client> client;
    {
        runtime loop(runtime_options().workers(1).drain_timeout(50ms));
        loop.spawn([](server& s) -> task<> { co_await s.serve(); }(site));
        client.emplace(site.port());
        REQUIRE(client->send(get("/")));
        loop.run([]() -> task<> { co_await sleep_for(20ms); });
    }
    CHECK(client->read_to_end().empty());
}
