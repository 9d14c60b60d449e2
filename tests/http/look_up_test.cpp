#include "lib/http/look_up.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/with_timeout.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using http::client_options;
using net::resolve_result;
namespace error = boost::asio::error;

namespace {

using addresses = std::vector<std::string>;

resolve_result ask(const client_options& options, std::string host, std::chrono::milliseconds limit = 20s) {
    return tests::run_on_loop(
        [](const client_options& o, std::string name,
           std::chrono::milliseconds within) -> task<resolve_result> {
            co_return co_await http::look_up(o, std::move(name), scheduler::clock::now() + within);
        },
        std::cref(options), std::move(host), limit);
}

client_options asking(client_options::resolver_function function) {
    client_options options;
    options.resolver(std::move(function));
    return options;
}

} // namespace

TEST_CASE("look up: given addresses come first, in their order", "[http]") {
    int asked = 0;
    auto function = [&](std::string) -> task<addresses> {
        ++asked;
        co_return addresses(1, "192.0.2.9");
    };
    const auto options =
        asking(function).resolve("a.test", {"192.0.2.1", "2001:db8::1"}).resolve("b.test", {"::1"});
    const resolve_result a = ask(options, "a.test");
    REQUIRE(a.addresses.size() == 2);
    CHECK(a.addresses[0].to_string() == "192.0.2.1");
    CHECK(a.addresses[1].to_string() == "2001:db8::1");
    CHECK(ask(client_options(options).resolve("a.test", {"192.0.2.5"}), "a.test").addresses.size() == 1);
    CHECK(asked == 0);
    CHECK(ask(options, "c.test").addresses.at(0).to_string() == "192.0.2.9");
    CHECK(asked == 1);
    for (const char* const host : {"127.0.0.1", "::1", "localhost", "x.localhost"})
        CHECK(ask(options, host).addresses.at(0).is_loopback());
    CHECK(asked == 1);
}

TEST_CASE("look up: a function's answers", "[http]") {
    const auto answer = [](addresses what) {
        return asking([what = std::move(what)](std::string) -> task<addresses> { co_return what; });
    };
    const auto none = answer({});
    CHECK(ask(none, "a.test").error == error::host_not_found);
    const auto wrong = answer({"192.0.2.1", "nonsense"});
    const resolve_result bad = ask(wrong, "a.test");
    CHECK(bad.error);
    CHECK_THAT(bad.detail, Catch::Contains("nonsense"));
    CHECK(ask(answer({"fe80::1%lo"}), "a.test").error);
    CHECK(ask(answer(addresses(1000, "192.0.2.1")), "a.test").addresses.size() == net::most_addresses);
    const auto throwing = asking([](std::string host) -> task<addresses> {
        throw std::runtime_error("no idea of " + host);
        co_return addresses();
    });
    const resolve_result thrown = ask(throwing, "a.test");
    CHECK(thrown.error == error::host_not_found);
    CHECK_THAT(thrown.detail, Catch::Contains("no idea of a.test"));
}

TEST_CASE("look up: a function is cancelled when the time is up, or from outside", "[http]") {
    int cancelled = 0;
    const auto slow = asking([&](std::string) -> task<addresses> {
        try {
            co_await sleep_for(1h);
        } catch (const operation_cancelled&) {
            ++cancelled;
            throw;
        }
        co_return addresses();
    });
    const resolve_result late = ask(slow, "a.test", 5ms);
    CHECK(late.error == error::timed_out);
    CHECK(cancelled == 1);
    const bool timed_out = tests::run_on_loop(
        [](const client_options& options) -> task<bool> {
            try {
                co_await with_timeout(5ms,
                                      http::look_up(options, "a.test", scheduler::clock::time_point::max()));
            } catch (const timeout_error&) {
                co_return true;
            }
            co_return false;
        },
        std::cref(slow));
    CHECK(timed_out);
    CHECK(cancelled == 2);
}
