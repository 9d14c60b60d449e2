// Where resolvers live, what becomes of look-ups when that goes away, and foreign Asio executors.
#include "lib/net/resolver.hpp"

#include "tests/net/dns_server.hpp"
#include "tests/support/catch.hpp"

#include <tandem/asio.hpp>
#include <tandem/core/runtime.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using dns_test::reply;
using tandem::task;
using tandem::net::resolve_result;
using tandem::net::resolver;
using tandem::net::resolver_of;
using tandem::net::resolver_options;
namespace asio = boost::asio;

namespace {

dns_test::server::decide always(reply r) {
    return [r](const std::string&, std::uint16_t) { return r; };
}

// With the resolver of the scheduler that it runs on.
task<resolve_result> look_up(resolver_options options, std::string name) {
    resolver& names = resolver_of(tandem::task_context::current()->home(), options);
    co_return co_await names.resolve(std::move(name));
}

task<> look_up_and_forget(resolver_options options, std::string name) {
    co_await look_up(std::move(options), std::move(name));
}

// Its own resolver, in its own frame, with somebody else waiting in it.
task<> keep_resolver(resolver_options options, std::string name) {
    resolver names(tandem::task_context::current()->home(), std::move(options));
    co_await names.resolve(std::move(name));
}

} // namespace

TEST_CASE("resolver: one for each loop", "[net][resolver]") {
    tandem::runtime runtime(tandem::runtime_options().workers(1).loops(2));
    resolver& first = resolver_of(runtime.loop(0));
    CHECK(&first == &resolver_of(runtime.loop(0)));
    CHECK(&first != &resolver_of(runtime.loop(1)));
}

TEST_CASE("resolver: a runtime goes away in the midst of look-ups", "[net][resolver]") {
    dns_test::server server(always(reply::dropped()));
    const auto options = resolver_options().servers(server.address()).timeout(60s);
    SECTION("after its tasks were cancelled") {
        tandem::runtime runtime(tandem::runtime_options().workers(1).loops(2));
        runtime.spawn(look_up_and_forget(options, "a.test"), 1);
        runtime.spawn(keep_resolver(options, "b.test"), 1);
        server.wait_for_questions("a.test", 1);
        server.wait_for_questions("b.test", 1);
    }
    SECTION("without time for its tasks to end") {
        for (int i = 0; i < 20; ++i) {
            tandem::runtime runtime(tandem::runtime_options().workers(1).loops(2).drain_timeout(0ms));
            for (int n = 0; n < 5; ++n) {
                const std::string name = std::to_string(i) + "-" + std::to_string(n) + ".test";
                runtime.spawn(look_up_and_forget(options, name), 1);
                runtime.spawn(keep_resolver(options, name), 1);
            }
            server.wait_for_questions(std::to_string(i) + "-4.test", 1);
        }
    }
}

TEST_CASE("resolver: a resolver goes away before those who wait in it", "[net][resolver]") {
    dns_test::server server(always(reply::dropped()));
    tandem::runtime runtime(tandem::runtime_options().workers(1).loops(2));
    std::optional<resolver> names;
    names.emplace(runtime.loop(1), resolver_options().servers(server.address()).timeout(60s));
    std::promise<resolve_result> promise;
    auto wait = [&]() -> task<> { promise.set_value(co_await names->resolve("a.test")); };
    runtime.spawn(wait(), 1);
    server.wait_for_questions("a.test", 1);
    names.reset();
    const resolve_result result = promise.get_future().get();
    CHECK(result.error == asio::error::operation_aborted);
}

TEST_CASE("resolver: tasks on a foreign executor", "[net][resolver]") {
    dns_test::server server(always(reply::with({"10.0.0.1"})));
    const auto options = resolver_options().servers(server.address()).timeout(60s);
    asio::io_context io;
    auto found = tandem::spawn(io.get_executor(), look_up(options, "a.test"), asio::use_future);
    io.run(); // returns: nothing is left to do when the answer is there
    const resolve_result result = found.get();
    CHECK(!result.error);
    REQUIRE(result.addresses.size() == 1);
    CHECK(result.addresses[0].to_string() == "10.0.0.1");
}

TEST_CASE("resolver: a foreign context with several threads", "[net][resolver]") {
    dns_test::server server(always(reply::with({"10.0.0.1"})));
    const auto options = resolver_options().servers(server.address()).timeout(60s);
    asio::thread_pool pool(4);
    std::vector<std::future<resolve_result>> found;
    for (int i = 0; i < 200; ++i)
        found.push_back(tandem::spawn(
            pool.get_executor(), look_up(options, "n" + std::to_string(i % 50) + ".test"), asio::use_future));
    for (auto& f : found) {
        const resolve_result result = f.get();
        CHECK(result.addresses.size() == 1);
    }
    pool.join();
}

TEST_CASE("resolver: a foreign context goes away in the midst of look-ups", "[net][resolver]") {
    dns_test::server server(always(reply::dropped()));
    const auto options = resolver_options().servers(server.address()).timeout(60s);
    asio::io_context io;
    for (int i = 0; i < 3; ++i)
        tandem::spawn(io.get_executor(), look_up_and_forget(options, "a.test"), asio::detached);
    tandem::spawn(io.get_executor(), keep_resolver(options, "b.test"), asio::detached);
    while (server.asked("a.test") < 2 || server.asked("b.test") < 2)
        io.run_one();
}

TEST_CASE("resolver: cancelled on a foreign executor", "[net][resolver]") {
    dns_test::server server(always(reply::dropped()));
    const auto options = resolver_options().servers(server.address()).timeout(60s);
    asio::io_context io;
    asio::cancellation_signal signal;
    bool ended = false;
    tandem::spawn(
        io.get_executor(), look_up_and_forget(options, "a.test"),
        asio::bind_cancellation_slot(signal.slot(), [&ended](std::exception_ptr) { ended = true; }));
    while (server.asked("a.test") < 2)
        io.run_one();
    signal.emit(asio::cancellation_type::terminal);
    io.run(); // nobody waits any more: the sockets are closed, and nothing keeps the context busy
    CHECK(ended);
}
