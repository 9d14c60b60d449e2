#include "lib/net/connect.hpp"
#include "lib/net/resolver.hpp"

#include "tests/net/connect_support.hpp"
#include "tests/net/dns_server.hpp"
#include "tests/support/catch.hpp"

#include <tandem/asio.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using connect_test::first_socket;
using connect_test::open_descriptors;
using connect_test::peer_of;
using connect_test::port_holder;
using tandem::task;
using tandem::net::connect;
using tandem::net::connect_options;
using tandem::net::connect_phase;
using tandem::net::connect_result;
using tandem::net::ip_address;
namespace error = boost::asio::error;

namespace {

using clock_type = std::chrono::steady_clock;
constexpr auto no_deadline = clock_type::time_point::max();

template <class... Texts>
std::vector<ip_address> addresses(Texts... texts) {
    std::vector<ip_address> list;
    (list.push_back(boost::asio::ip::make_address(texts)), ...);
    return list;
}

template <class F>
void run(F f) {
    tandem::runtime runtime(tandem::runtime_options().workers(1));
    // The reactor opens its own descriptors at first use: before any is counted.
    const boost::asio::posix::stream_descriptor first(runtime.loop(0).executor());
    runtime.run(f());
}

} // namespace

TEST_CASE("connect: to an address", "[net][connect]") {
    port_holder port("127.0.0.1");
    port.listen();
    run([&]() -> task<> {
        connect_result result = co_await connect("127.0.0.1", port.port(), no_deadline);
        CHECK(!result.error);
        REQUIRE(result.connection.is_open());
        CHECK(peer_of(result) == "127.0.0.1");
        const int accepted = port.accept();
        REQUIRE(accepted >= 0);
        REQUIRE(::write(accepted, "hello", 5) == 5);
        char data[8];
        const auto got = co_await result.connection.read_some(data, sizeof(data));
        CHECK(std::string(data, got.bytes) == "hello");
        ::close(accepted);
    });
}

TEST_CASE("connect: refused", "[net][connect]") {
    const port_holder port("127.0.0.1");
    run([&]() -> task<> {
        const connect_result one = co_await connect("127.0.0.1", port.port(), no_deadline);
        CHECK(one.error == error::connection_refused);
        CHECK(one.phase == connect_phase::connect);
        CHECK(one.detail == port.text("127.0.0.1") + ": Connection refused");
        CHECK(!one.connection.is_open());
        const connect_result two =
            co_await connect(addresses("127.0.0.1", "127.0.0.3"), port.port(), no_deadline);
        CHECK(two.error == error::connection_refused);
        CHECK(two.detail == "2 addresses tried, last: " + port.text("127.0.0.3") + ": Connection refused");
        CHECK(!two.connection.is_open());
    });
}

TEST_CASE("connect: the second address is good", "[net][connect]") {
    port_holder port("127.0.0.3");
    port.listen();
    run([&]() -> task<> {
        const auto begin = clock_type::now();
        auto options = connect_options().attempt_delay(60s);
        const connect_result result =
            co_await connect(addresses("127.0.0.2", "127.0.0.3"), port.port(), no_deadline, options);
        CHECK(!result.error);
        CHECK(peer_of(result) == "127.0.0.3");
        CHECK(clock_type::now() - begin < 10s); // at once, when the first has failed
    });
}

TEST_CASE("connect: an address that does not answer delays by 250 ms", "[net][connect]") {
    port_holder hole("127.0.0.2");
    hole.listen_and_fill();
    port_holder good("127.0.0.3", hole.port());
    good.listen();
    run([&]() -> task<> {
        first_socket();
        const auto before = open_descriptors();
        auto begin = clock_type::now();
        connect_result result =
            co_await connect(addresses("127.0.0.2", "127.0.0.3"), good.port(), no_deadline);
        CHECK(!result.error);
        CHECK(peer_of(result) == "127.0.0.3");
        CHECK(clock_type::now() - begin >= 250ms);
        CHECK(clock_type::now() - begin < 10s);
        CHECK(open_descriptors() == before + 1); // the loser is closed already

        begin = clock_type::now();
        auto options = connect_options().attempt_delay(10ms);
        const auto many = addresses("127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.3");
        result = co_await connect(many, good.port(), no_deadline, options);
        CHECK(peer_of(result) == "127.0.0.3");
        CHECK(clock_type::now() - begin >= 30ms);
        CHECK(open_descriptors() == before + 1);
    });
}

TEST_CASE("connect: the deadline", "[net][connect]") {
    port_holder hole("127.0.0.2");
    hole.listen_and_fill();
    run([&]() -> task<> {
        first_socket();
        const auto before = open_descriptors();
        const auto begin = clock_type::now();
        const connect_result one = co_await connect("127.0.0.2", hole.port(), begin + 20ms);
        CHECK(one.error == error::timed_out);
        CHECK(one.detail == hole.text("127.0.0.2") + ": Connection timed out");
        const connect_result two = co_await connect(addresses("127.0.0.2", "127.0.0.2", "127.0.0.2"),
                                                    hole.port(), clock_type::now() + 300ms);
        CHECK(two.error == error::timed_out);
        CHECK(two.detail == "2 addresses tried, last: " + hole.text("127.0.0.2") + ": Connection timed out");
        CHECK(clock_type::now() - begin >= 320ms);
        CHECK(clock_type::now() - begin < 10s);
        const connect_result past = co_await connect(addresses("127.0.0.2", "127.0.0.3"), hole.port(), begin);
        CHECK(past.error == error::timed_out);
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("connect: cancellation", "[net][connect]") {
    port_holder hole("127.0.0.2");
    hole.listen_and_fill();
    run([&]() -> task<> {
        first_socket();
        const auto before = open_descriptors();
        const auto begin = clock_type::now();
        for (const std::size_t n : {std::size_t(1), std::size_t(5)}) {
            boost::system::error_code seen;
            auto attempt = [&]() -> task<> {
                const std::vector<ip_address> same(n, boost::asio::ip::make_address("127.0.0.2"));
                auto options = connect_options().attempt_delay(1ms);
                const connect_result result = co_await connect(same, hole.port(), no_deadline, options);
                seen = result.error;
            };
            co_await tandem::with_timeout(10ms, attempt());
            CHECK(seen == error::operation_aborted);
        }
        CHECK(clock_type::now() - begin < 10s);
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("connect: a name", "[net][connect]") {
    dns_test::server server([](const std::string& name, std::uint16_t) {
        if (name == "none.test") return dns_test::reply::code(3);
        if (name == "silent.test") return dns_test::reply::dropped();
        return dns_test::reply::with({"127.0.0.2", "127.0.0.3"});
    });
    port_holder port("127.0.0.3");
    port.listen();
    run([&]() -> task<> {
        auto options = tandem::net::resolver_options().servers(server.address()).timeout(60s);
        tandem::net::resolver names(tandem::task_context::current()->home(), options);
        auto use = connect_options().use(names);
        const connect_result good = co_await connect("two.test", port.port(), no_deadline, use);
        CHECK(peer_of(good) == "127.0.0.3");
        const connect_result none = co_await connect("none.test", port.port(), no_deadline, use);
        CHECK(none.error == error::host_not_found);
        CHECK(none.phase == connect_phase::resolve);
        CHECK(none.detail == "no such host");
        const auto begin = clock_type::now();
        const connect_result late = co_await connect("silent.test", port.port(), begin + 20ms, use);
        CHECK(late.error == error::timed_out);
        CHECK(late.phase == connect_phase::resolve);
        boost::system::error_code seen;
        auto attempt = [&]() -> task<> {
            const connect_result result = co_await connect("silent.test", port.port(), no_deadline, use);
            seen = result.error;
        };
        co_await tandem::with_timeout(10ms, attempt());
        CHECK(seen == error::operation_aborted);
        CHECK(clock_type::now() - begin < 10s);
    });
}

TEST_CASE("connect: localhost, whichever family listens", "[net][connect]") {
    port_holder port("127.0.0.1");
    port.listen();
    run([&]() -> task<> {
        const connect_result result = co_await connect("localhost", port.port(), no_deadline);
        CHECK(!result.error);
        CHECK(peer_of(result) == "127.0.0.1");
    });
}

TEST_CASE("connect: a thousand failures leave no descriptor open", "[net][connect]") {
    const port_holder port("127.0.0.1");
    run([&]() -> task<> {
        first_socket();
        const auto before = open_descriptors();
        const auto two = addresses("127.0.0.1", "127.0.0.2");
        for (int i = 0; i < 500; ++i) {
            const connect_result one = co_await connect("127.0.0.1", port.port(), no_deadline);
            REQUIRE(one.error == error::connection_refused);
            const connect_result both = co_await connect(two, port.port(), no_deadline);
            REQUIRE(both.error == error::connection_refused);
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("connect: a runtime goes away in the midst of attempts", "[net][connect]") {
    port_holder hole("127.0.0.2");
    hole.listen_and_fill();
    const auto before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        tandem::runtime runtime(tandem::runtime_options().workers(1).loops(2).drain_timeout(0ms));
        for (const std::size_t n : {std::size_t(1), std::size_t(3)}) {
            auto attempt = [&hole](std::size_t count) -> task<> {
                const std::vector<ip_address> same(count, boost::asio::ip::make_address("127.0.0.2"));
                auto options = connect_options().attempt_delay(1ms);
                co_await connect(same, hole.port(), no_deadline, options);
            };
            runtime.spawn(tandem::invoke(attempt, n), 1);
        }
        auto pause = []() -> task<> { co_await tandem::sleep_for(5ms); };
        runtime.run(pause());
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("connect: a task on a foreign executor", "[net][connect]") {
    port_holder port("127.0.0.3");
    port.listen();
    boost::asio::io_context io;
    std::string peer;
    auto attempt = [&]() -> task<> {
        const connect_result result =
            co_await connect(addresses("127.0.0.2", "127.0.0.3"), port.port(), clock_type::now() + 10s);
        peer = peer_of(result);
    };
    tandem::spawn(io.get_executor(), attempt(), boost::asio::detached);
    io.run();
    CHECK(peer == "127.0.0.3");
}
