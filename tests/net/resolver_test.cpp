#include "lib/net/resolver.hpp"

#include "tests/net/dns_server.hpp"
#include "tests/support/catch.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using dns_test::reply;
using tandem::task;
using tandem::net::ip_address;
using tandem::net::resolve_result;
using tandem::net::resolver;
using tandem::net::resolver_options;
namespace error = boost::asio::error;

namespace {

std::string text_of(const resolve_result& result) {
    std::string text;
    for (const ip_address& address : result.addresses)
        text += (text.empty() ? "" : " ") + address.to_string();
    return text;
}

resolver_options options_of(dns_test::server& server) {
    return resolver_options().servers(server.address());
}

task<resolve_result> look_up(resolver_options options, std::string name) {
    resolver names(tandem::task_context::current()->home(), std::move(options));
    co_return co_await names.resolve(std::move(name));
}

// Looks `name` up with a resolver of its own.
resolve_result resolve(dns_test::server& server, std::string name, std::chrono::milliseconds timeout = 5s) {
    tandem::runtime runtime(tandem::runtime_options().workers(1));
    return runtime.run(look_up(options_of(server).timeout(timeout), std::move(name)));
}

template <class F>
void run_with(resolver_options options, F f) {
    tandem::runtime runtime(tandem::runtime_options().workers(1));
    resolver names(runtime.loop(0), std::move(options));
    runtime.run(f(names));
}

} // namespace

TEST_CASE("resolver: addresses of both families, by turns", "[net][resolver]") {
    dns_test::server server([](const std::string&, std::uint16_t) {
        return reply::with({"10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "10.0.0.2"}, 30);
    });
    const resolve_result result = resolve(server, "WWW.Example.TEST");
    CHECK(!result.error);
    CHECK(text_of(result) == "2001:db8::1 10.0.0.1 10.0.0.2 10.0.0.3");
    CHECK(result.ttl <= 30s);
    CHECK(result.ttl >= 25s);
    CHECK(server.asked("www.example.test") == 2);
}

TEST_CASE("resolver: failures in words", "[net][resolver]") {
    dns_test::server server([](const std::string& name, std::uint16_t) {
        if (name == "none.test") return reply::code(3);
        if (name == "broken.test") return reply::code(2);
        if (name == "refused.test") return reply::code(5);
        if (name == "silent.test") return reply::dropped();
        return reply();
    });
    const resolve_result none = resolve(server, "none.test");
    CHECK(none.error == error::host_not_found);
    CHECK(none.detail == "no such host");
    const resolve_result empty = resolve(server, "empty.test");
    CHECK(empty.error == error::no_data);
    CHECK(empty.detail == "the host has no address");
    const resolve_result broken = resolve(server, "broken.test");
    CHECK(broken.error == error::host_not_found_try_again);
    CHECK(broken.detail == "the name server could not find out (SERVFAIL)");
    const resolve_result refused = resolve(server, "refused.test");
    CHECK(refused.error == error::no_recovery);
    CHECK(refused.detail == "the name server refused to answer");
    const resolve_result silent = resolve(server, "silent.test", 90ms);
    CHECK(silent.error == error::timed_out);
    CHECK(silent.detail == "the name server did not answer within 90 ms");
    CHECK(server.asked("silent.test") == 4); // two tries, two families
}

TEST_CASE("resolver: nobody there", "[net][resolver]") {
    std::string address;
    {
        const dns_test::server gone([](const std::string&, std::uint16_t) { return reply(); });
        address = gone.address();
    }
    tandem::runtime runtime(tandem::runtime_options().workers(1));
    const resolve_result result = runtime.run(look_up(resolver_options().servers(address), "a.test"));
    CHECK(result.error == error::connection_refused);
    CHECK(result.detail == "no name server gave an answer");
    const resolve_result bad = runtime.run(look_up(resolver_options().servers("no address"), "a.test"));
    CHECK(bad.error);
    CHECK(bad.detail == "the resolver's settings are not valid");
}

TEST_CASE("resolver: literals, localhost and what is no name ask nobody", "[net][resolver]") {
    dns_test::server server([](const std::string&, std::uint16_t) { return reply::with({"10.0.0.1"}); });
    CHECK(text_of(resolve(server, "192.0.2.7")) == "192.0.2.7");
    CHECK(text_of(resolve(server, "2001:DB8::7")) == "2001:db8::7");
    CHECK(text_of(resolve(server, "localhost")) == "::1 127.0.0.1");
    CHECK(text_of(resolve(server, "a.LocalHost.")) == "::1 127.0.0.1");
    CHECK(resolve(server, "fe80::1%lo").detail == "an address with a zone is not accepted");
    for (const std::string name :
         {"", ".", "a..b", "a b", "1.2.3", "1.2.3.400", "[::1]", "a\\.b", "caf\xc3\xa9.test"})
        CHECK(resolve(server, name).error == error::invalid_argument);
    CHECK(resolve(server, std::string("good.test\0.evil.test", 20)).error == error::invalid_argument);
    CHECK(resolve(server, std::string(64, 'a') + ".test").error == error::invalid_argument);
    std::string longest = "t";
    while (longest.size() < 253)
        longest += ".t";
    CHECK(!resolve(server, longest).error);
    CHECK(resolve(server, longest + ".t").error == error::invalid_argument);
    CHECK(server.asked("localhost") == 0);
    CHECK(server.asked("good.test") == 0);
}

TEST_CASE("resolver: /etc/hosts", "[net][resolver]") {
    std::ifstream hosts("/etc/hosts");
    std::string line;
    std::string expected;
    std::string name;
    while (name.empty() && std::getline(hosts, line)) {
        std::istringstream words(line.substr(0, line.find('#')));
        boost::system::error_code ec;
        if (!(words >> expected >> name) ||
            !ip_address(boost::asio::ip::make_address(expected, ec)).is_v4() || ec ||
            name.find("localhost") != name.npos || !tandem::net::is_host_name(name))
            name.clear();
    }
    if (name.empty()) {
        WARN("skipped: /etc/hosts names nothing but localhost");
        return;
    }
    dns_test::server server([](const std::string&, std::uint16_t) { return reply::dropped(); });
    const resolve_result result = resolve(server, name);
    CHECK(!result.error);
    CHECK((" " + text_of(result) + " ").find(" " + expected + " ") != std::string::npos);
}

TEST_CASE("resolver: a family that does not answer delays the other by 50 ms only", "[net][resolver]") {
    dns_test::server server([](const std::string&, std::uint16_t type) {
        auto both = reply::with({"10.0.0.1", "2001:db8::1"});
        return type == dns_test::type_aaaa ? std::move(both).held() : both;
    });
    run_with(options_of(server).timeout(20s), [&server](resolver& names) -> task<> {
        const auto begin = std::chrono::steady_clock::now();
        const resolve_result first = co_await names.resolve("half.test");
        CHECK(text_of(first) == "10.0.0.1");
        CHECK(std::chrono::steady_clock::now() - begin < 5s);
        // What comes late is there for the next one.
        server.release();
        std::string later;
        while (later != "2001:db8::1 10.0.0.1") {
            co_await tandem::sleep_for(1ms);
            const resolve_result next = co_await names.resolve("half.test");
            later = text_of(next);
        }
        CHECK(server.asked("half.test") == 2);
    });
}

TEST_CASE("resolver: answers are kept as long as they say, 60 s at most", "[net][resolver]") {
    dns_test::server server([](const std::string& name, std::uint16_t) {
        if (name == "none.test") return reply::code(3);
        if (name == "broken.test") return reply::code(2);
        const std::uint32_t ttl = name == "zero.test" ? 0 : name == "day.test" ? 86400 : 30;
        return reply::with({"10.0.0.1"}, ttl);
    });
    run_with(options_of(server), [&server](resolver& names) -> task<> {
        for (int i = 0; i < 2; ++i) {
            for (const char* name : {"some.test", "zero.test", "day.test", "none.test", "broken.test"})
                co_await names.resolve(name);
        }
        CHECK(server.asked("some.test") == 2);
        CHECK(server.asked("zero.test") == 4);
        CHECK(server.asked("day.test") == 2);
        CHECK(server.asked("none.test") == 2);
        CHECK(server.asked("broken.test") == 4);
        CHECK(names.cached() == 3);
        const resolve_result day = co_await names.resolve("day.test");
        CHECK(day.ttl <= 60s);
        CHECK(day.ttl > 50s);
        const resolve_result none = co_await names.resolve("none.test");
        CHECK(none.detail == "no such host");
    });
}

TEST_CASE("resolver: a slow answer does not delay others", "[net][resolver]") {
    dns_test::server server([](const std::string& name, std::uint16_t) {
        auto answer = reply::with({"10.0.0.1"});
        return name == "slow.test" ? std::move(answer).held() : answer;
    });
    run_with(options_of(server).timeout(20s), [&server](resolver& names) -> task<> {
        bool slow_done = false;
        auto slow = [&]() -> task<> {
            const resolve_result result = co_await names.resolve("slow.test");
            CHECK(text_of(result) == "10.0.0.1");
            slow_done = true;
        };
        auto others = [&]() -> task<> {
            for (int i = 0; i < 20; ++i) {
                const resolve_result result = co_await names.resolve("fast" + std::to_string(i) + ".test");
                CHECK(text_of(result) == "10.0.0.1");
            }
            CHECK(!slow_done);
            server.release();
        };
        co_await tandem::when_all(slow(), others());
        CHECK(slow_done);
    });
}

TEST_CASE("resolver: 500 look-ups at once, callers for one name share", "[net][resolver]") {
    dns_test::server server([](const std::string& name, std::uint16_t) {
        return reply::with(
            {name == "same.test" ? "10.9.9.9" : "10.0.0." + name.substr(1, name.find('.') - 1)});
    });
    run_with(options_of(server), [&server](resolver& names) -> task<> {
        std::vector<task<resolve_result>> all;
        for (int i = 0; i < 500; ++i)
            all.push_back(
                names.resolve("n" + std::to_string(i % 250) + ".sub" + std::to_string(i) + ".test"));
        for (int i = 0; i < 500; ++i)
            all.push_back(names.resolve("same.test"));
        const std::vector<resolve_result> results = co_await tandem::when_all(std::move(all));
        for (std::size_t i = 0; i < 500; ++i)
            CHECK(text_of(results[i]) == "10.0.0." + std::to_string(i % 250));
        for (std::size_t i = 500; i < 1000; ++i)
            CHECK(text_of(results[i]) == "10.9.9.9");
        CHECK(server.asked("same.test") == 2);
    });
}

TEST_CASE("resolver: of an answer at most 64 addresses are used", "[net][resolver]") {
    std::vector<ip_address> many;
    for (unsigned i = 0; i < 1000; ++i)
        many.emplace_back(boost::asio::ip::address_v4(0x0A000000U + i));
    CHECK(tandem::net::interleave(many).size() == 64);
    many.emplace_back(boost::asio::ip::address_v6::loopback());
    const std::vector<ip_address> mixed = tandem::net::interleave(many);
    CHECK(mixed.size() == 64);
    CHECK(mixed.front().is_v6());
    CHECK(mixed[1] == many[0]);
}

TEST_CASE("resolver: cancellation and deadline end a look-up at once", "[net][resolver]") {
    dns_test::server server(
        [](const std::string&, std::uint16_t) { return reply::with({"10.0.0.1"}).held(); });
    run_with(options_of(server).timeout(60s), [&server](resolver& names) -> task<> {
        const auto begin = std::chrono::steady_clock::now();
        resolve_result cancelled;
        std::string shared;
        auto first = [&]() -> task<> { cancelled = co_await names.resolve("a.test"); };
        auto second = [&]() -> task<> { shared = text_of(co_await names.resolve("a.test")); };
        auto both = [&]() -> task<> {
            co_await tandem::with_timeout(5ms, first());
            server.release();
        };
        co_await tandem::when_all(second(), both());
        CHECK(cancelled.error == error::operation_aborted);
        CHECK(shared == "10.0.0.1"); // who shared the look-up still gets its answer
        CHECK(std::chrono::steady_clock::now() - begin < 10s);
    });
    dns_test::server silent([](const std::string&, std::uint16_t) { return reply::dropped(); });
    run_with(options_of(silent).timeout(60s), [](resolver& names) -> task<> {
        const auto begin = std::chrono::steady_clock::now();
        const resolve_result late = co_await names.resolve("a.test", begin + 5ms);
        CHECK(late.error == error::timed_out);
        CHECK(late.detail == "the name server did not answer in time");
        const resolve_result too_late = co_await names.resolve("a.test", begin);
        CHECK(too_late.error == error::timed_out);
        CHECK(std::chrono::steady_clock::now() - begin < 10s);
    });
}

TEST_CASE("resolver: those who queue are cancelled, too", "[net][resolver]") {
    dns_test::server server([](const std::string&, std::uint16_t) { return reply::dropped(); });
    run_with(options_of(server).timeout(60s).concurrency(2), [&server](resolver& names) -> task<> {
        std::vector<resolve_result> results;
        auto all = [&]() -> task<> {
            std::vector<task<resolve_result>> look_ups;
            for (int i = 0; i < 10; ++i)
                look_ups.push_back(names.resolve("q" + std::to_string(i) + ".test"));
            results = co_await tandem::when_all(std::move(look_ups));
        };
        co_await tandem::with_timeout(20ms, all());
        REQUIRE(results.size() == 10);
        for (const resolve_result& result : results)
            CHECK(result.error == error::operation_aborted);
        CHECK(server.asked("q9.test") == 0);
    });
}
