// A and AAAA that do not come together: who has one begins with it, and the other joins (RFC 8305, section
// 3).
#include "lib/net/connect.hpp"
#include "lib/net/resolver.hpp"

#include "tests/net/connect_support.hpp"
#include "tests/net/dns_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/testing/cancel_everywhere.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using connect_test::open_descriptors;
using connect_test::peer_of;
using connect_test::port_holder;
using dns_test::reply;
using tandem::task;
using tandem::net::connect;
using tandem::net::connect_options;
using tandem::net::connect_phase;
using tandem::net::connect_result;
using tandem::net::ip_address;
using tandem::net::late_addresses;
using tandem::net::resolve_result;
using tandem::net::resolver;
using tandem::net::resolver_options;

namespace {

using clock_type = std::chrono::steady_clock;
constexpr auto no_deadline = clock_type::time_point::max();

// Answers for one family at once, for the other as `late` says.
dns_test::server::decide answering(std::uint16_t early, reply at_once, reply late) {
    return [=](const std::string&, std::uint16_t type) { return type == early ? at_once : late; };
}

resolver_options asking(dns_test::server& server) {
    return resolver_options().servers(server.address()).timeout(60s);
}

std::string text_of(std::vector<ip_address> addresses) {
    std::sort(addresses.begin(), addresses.end());
    std::string text;
    for (const ip_address& address : addresses)
        text += (text.empty() ? "" : " ") + address.to_string();
    return text;
}

template <class F>
void run(F f) {
    tandem::runtime runtime(tandem::runtime_options().workers(1));
    // The reactor opens its own descriptors at first use: before any is counted.
    const boost::asio::posix::stream_descriptor first(runtime.loop(0).executor());
    runtime.run(f());
}

// Connects to a host whose addresses come in two steps: the second as soon as the first is there.
connect_result connect_in_steps(dns_test::server& server, std::uint16_t port,
                                std::chrono::milliseconds attempt_delay) {
    connect_result result;
    run([&]() -> task<> {
        resolver names(tandem::task_context::current()->home(), asking(server));
        const auto options = connect_options().use(names).attempt_delay(attempt_delay);
        auto connecting = [&]() -> task<> {
            result = co_await connect("steps.test", port, no_deadline, options);
        };
        auto releasing = [&]() -> task<> {
            const resolve_result first = co_await names.resolve("steps.test"); // the same look-up
            CHECK(first.addresses.size() == 1);
            CHECK(first.late);
            server.release();
        };
        co_await tandem::when_all(connecting(), releasing());
        // Before the resolver and its loop go.
        if (!result.error) result.detail = peer_of(result);
        result.connection = tandem::net::stream();
    });
    return result;
}

bool has_ipv6() {
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connect_test::socket_name name("::1", 0);
    const bool bound = fd >= 0 && ::bind(fd, name.data(), name.size()) == 0;
    if (fd >= 0) ::close(fd);
    return bound;
}

} // namespace

TEST_CASE("late addresses: connecting does not wait for them", "[net][connect]") {
    port_holder port("127.0.0.3");
    port.listen();
    dns_test::server server(
        answering(dns_test::type_a, reply::with({"127.0.0.3"}), reply::dropped())); // never
    run([&]() -> task<> {
        const auto before = open_descriptors();
        {
            resolver names(tandem::task_context::current()->home(), asking(server));
            const connect_result result =
                co_await connect("half.test", port.port(), no_deadline, connect_options().use(names));
            CHECK(!result.error);
            CHECK(peer_of(result) == "127.0.0.3");
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("late addresses: they join when those that came first have failed", "[net][connect]") {
    port_holder port("127.0.0.3");
    port.listen();
    dns_test::server server(
        answering(dns_test::type_aaaa, reply::with({"::1"}), reply::with({"127.0.0.3"}).held()));
    const connect_result result = connect_in_steps(server, port.port(), 60s);
    CHECK(!result.error);
    CHECK(result.detail == "127.0.0.3");
}

TEST_CASE("late addresses: they join beside an attempt that gets no answer", "[net][connect]") {
    if (!has_ipv6()) {
        WARN("skipped: this machine has no IPv6");
        return;
    }
    port_holder hole("127.0.0.2");
    hole.listen_and_fill();
    port_holder good("::1", hole.port());
    good.listen();
    dns_test::server server(
        answering(dns_test::type_a, reply::with({"127.0.0.2"}), reply::with({"::1"}).held()));
    const connect_result result = connect_in_steps(server, good.port(), 1ms);
    CHECK(!result.error);
    CHECK(result.detail == "::1");
}

TEST_CASE("late addresses: there may be none", "[net][connect]") {
    const port_holder port("127.0.0.3");
    dns_test::server server(answering(dns_test::type_a, reply::with({"127.0.0.3"}), reply::code(3).held()));
    const connect_result result = connect_in_steps(server, port.port(), 60s);
    CHECK(result.error == boost::asio::error::connection_refused);
    CHECK(result.phase == connect_phase::connect);
    CHECK(result.detail == port.text("127.0.0.3") + ": Connection refused");
}

TEST_CASE("late addresses: the deadline holds while they are waited for", "[net][connect]") {
    const port_holder port("127.0.0.3");
    dns_test::server server(answering(dns_test::type_a, reply::with({"127.0.0.3"}), reply::dropped()));
    run([&]() -> task<> {
        resolver names(tandem::task_context::current()->home(), asking(server));
        const connect_result result = co_await connect("half.test", port.port(), clock_type::now() + 150ms,
                                                       connect_options().use(names));
        CHECK(result.error == boost::asio::error::connection_refused);
    });
}

TEST_CASE("late addresses: cancelled anywhere", "[net][connect]") {
    const port_holder port("127.0.0.3");
    dns_test::server server(answering(dns_test::type_a, reply::with({"127.0.0.3"}), reply::dropped()));
    run([&]() -> task<> {
        resolver names(tandem::task_context::current()->home(), asking(server));
        const resolve_result found = co_await names.resolve("half.test");
        REQUIRE(found.late);
        const auto before = open_descriptors();
        boost::system::error_code seen;
        auto scenario = [&]() -> task<> {
            resolve_result copy = found;
            const auto deadline = clock_type::now() + 5ms; // until when it waits for the rest
            const connect_result result = co_await connect(std::move(copy), port.port(), deadline);
            seen = result.error;
        };
        std::size_t aborted = 0;
        auto after = [&](tandem::test::ending) {
            if (seen == boost::asio::error::operation_aborted) ++aborted;
            CHECK(seen);
            CHECK(open_descriptors() == before);
        };
        const std::size_t cancelled = co_await tandem::test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 5);
        CHECK(aborted > 5);
    });
}

TEST_CASE("late addresses: for all who ask meanwhile, and then in the cache", "[net][resolver]") {
    dns_test::server server(
        answering(dns_test::type_a, reply::with({"10.0.0.1"}), reply::with({"2001:db8::1"}).held()));
    run([&]() -> task<> {
        resolver names(tandem::task_context::current()->home(), asking(server));
        const resolve_result first = co_await names.resolve("half.test");
        const resolve_result second = co_await names.resolve("half.test"); // from the cache
        CHECK(text_of(second.addresses) == "10.0.0.1");
        REQUIRE(first.late);
        REQUIRE(second.late);
        std::vector<ip_address> one, other;
        auto wait = [](const resolve_result& found, std::vector<ip_address>& all) -> task<> {
            all = co_await late_addresses(found.late);
        };
        auto release = [&]() -> task<> {
            server.release();
            co_return;
        };
        co_await tandem::when_all(wait(first, one), wait(second, other), release());
        CHECK(text_of(one) == "10.0.0.1 2001:db8::1");
        CHECK(text_of(other) == "10.0.0.1 2001:db8::1");
        const resolve_result third = co_await names.resolve("half.test");
        CHECK(text_of(third.addresses) == "10.0.0.1 2001:db8::1");
        CHECK_FALSE(third.late);
        CHECK(server.asked("half.test") == 2);
        const std::vector<ip_address> again = co_await late_addresses(first.late); // they are there already
        CHECK(text_of(again) == "10.0.0.1 2001:db8::1");
    });
}

TEST_CASE("late addresses: given up, what came first does not pass for all", "[net][resolver]") {
    dns_test::server server(
        answering(dns_test::type_a, reply::with({"10.0.0.1"}), reply::with({"2001:db8::1"}).held()));
    run([&]() -> task<> {
        resolver names(tandem::task_context::current()->home(), asking(server));
        {
            const resolve_result first = co_await names.resolve("half.test");
            CHECK(first.late);
        }
        // Whoever is the last to leave takes all questions back, those of other names, too.
        auto other = [&]() -> task<> { static_cast<void>(co_await names.resolve("other.test")); };
        tandem::task_group group;
        group.spawn(std::ref(other));
        co_await tests::turns(3);
        group.cancel();
        co_await group.join();
        server.release();
        const resolve_result again = co_await names.resolve("half.test");
        CHECK(text_of(again.addresses) == "10.0.0.1 2001:db8::1");
        const resolve_result kept = co_await names.resolve("other.test");
        CHECK(text_of(kept.addresses) == "10.0.0.1 2001:db8::1");
    });
}

TEST_CASE("late addresses: their resolver goes away", "[net][resolver]") {
    dns_test::server server(answering(dns_test::type_a, reply::with({"10.0.0.1"}), reply::dropped()));
    run([&]() -> task<> {
        std::optional<resolver> names;
        names.emplace(tandem::task_context::current()->home(), asking(server));
        const resolve_result first = co_await names->resolve("half.test");
        REQUIRE(first.late);
        std::vector<ip_address> all;
        auto wait = [&]() -> task<> { all = co_await late_addresses(first.late); };
        auto leave = [&]() -> task<> {
            names.reset();
            co_return;
        };
        co_await tandem::when_all(wait(), leave());
        CHECK(text_of(all) == "10.0.0.1");
    });
}

TEST_CASE("late addresses: a runtime goes away while they are waited for", "[net][connect]") {
    const port_holder port("127.0.0.3");
    dns_test::server server(answering(dns_test::type_a, reply::with({"127.0.0.3"}), reply::dropped()));
    const auto before = open_descriptors();
    for (int i = 0; i < 3; ++i) {
        tandem::runtime runtime(tandem::runtime_options().workers(1).loops(2).drain_timeout(0ms));
        auto attempt = [&]() -> task<> {
            tandem::scheduler& home = tandem::task_context::current()->home();
            const auto use = connect_options().use(tandem::net::resolver_of(home, asking(server)));
            co_await connect("half.test", port.port(), no_deadline, use);
        };
        runtime.spawn(attempt(), 1);
        server.wait_for_questions("half.test", 2 * i + 2);
        auto pause = [&]() -> task<> { co_await tandem::sleep_for(40ms + i * 20ms); }; // on either side of 50
        runtime.run(pause());
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("addresses by turns, beginning with either family", "[net][resolver]") {
    std::vector<ip_address> all;
    for (const char* const text : {"10.0.0.1", "10.0.0.2", "::1"})
        all.push_back(boost::asio::ip::make_address(text));
    const auto in_order = [&](bool six_first) {
        std::string text;
        for (const ip_address& address : tandem::net::interleave(all, six_first))
            text += address.to_string() + " ";
        return text;
    };
    CHECK(in_order(true) == "::1 10.0.0.1 10.0.0.2 ");
    CHECK(in_order(false) == "10.0.0.1 ::1 10.0.0.2 ");
}
