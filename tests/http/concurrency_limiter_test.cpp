// The adaptive limit around requests: who waits, in which order, permits conserved. In virtual time.
#include "tests/support/catch.hpp"

#include "tests/http/stub_site.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/concurrency_limiter.hpp>
#include <tandem/testing.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using http::client_options;
using http::concurrency_limiter;
using http::concurrency_limiter_options;
using tests::answer;
using tests::reply;

namespace {

const std::string here = "http://a.invalid/x";

url parsed(const std::string& text) {
    return *url::parse(text);
}

// Takes its time, and knows how many it has at a time.
class busy_site {
public:
    std::shared_ptr<tests::stub_site> make() {
        return tests::site([this](const http::request& what, int number) -> task<answer> {
            const count_one counted(*this);
            order.push_back(std::string(what.url().query()));
            co_await sleep_for(takes);
            co_return answer(reply(what, number > refuse_from ? 429 : 200).build());
        });
    }

    std::chrono::milliseconds takes{10};
    int refuse_from = 1'000'000;
    std::size_t now = 0;
    std::size_t most = 0;
    std::vector<std::string> order;

private:
    class count_one {
    public:
        explicit count_one(busy_site& of) : of_(of) { of_.most = std::max(of_.most, ++of_.now); }
        ~count_one() { --of_.now; }
        count_one(const count_one&) = delete;
        count_one& operator=(const count_one&) = delete;

    private:
        busy_site& of_;
    };
};

task<> send_many(http::client& web, int count) {
    std::vector<int> numbers(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
        numbers[static_cast<std::size_t>(i)] = i;
    auto one = [&web](int i) -> task<> {
        static_cast<void>(co_await web.try_get(here + "?" + std::to_string(i)));
    };
    co_await concurrent_for_each(numbers, numbers.size(), one);
}

} // namespace

TEST_CASE("concurrency limiter: so many at a time, first come, first served") {
    test::run([]() -> task<> {
        busy_site site;
        auto limiter = std::make_shared<concurrency_limiter>(concurrency_limiter_options().limit(3, 3, 3));
        http::client web(client_options().intercept(limiter).intercept(site.make()));
        co_await send_many(web, 20);
        CHECK(site.most == 3);
        REQUIRE(site.order.size() == 20);
        for (std::size_t i = 0; i < site.order.size(); ++i)
            CHECK(site.order[i] == std::to_string(i));
        CHECK(limiter->in_flight(parsed(here)) == 0);
        CHECK(limiter->waiting(parsed(here)) == 0);
    });
}

TEST_CASE("concurrency limiter: grows while answers come in good time, falls when they do not") {
    test::run([]() -> task<> {
        busy_site site;
        auto limiter =
            std::make_shared<concurrency_limiter>(concurrency_limiter_options().limit(4, 1, 8).decrease(0.5));
        http::client web(client_options().intercept(limiter).intercept(site.make()));
        co_await send_many(web, 100);
        CHECK(limiter->limit(parsed(here)) == 8);
        CHECK(site.most == 8);
        site.takes = 100ms; // ten times the usual
        site.most = 0;
        co_await send_many(web, 20);
        CHECK(limiter->limit(parsed(here)) <= 4);
        site.takes = 10ms;
        site.most = 0;
        const std::size_t now = limiter->limit(parsed(here));
        co_await send_many(web, static_cast<int>(now));
        CHECK(site.most == now); // as many permits as the limit says, none lost
        CHECK(limiter->in_flight(parsed(here)) == 0);
    });
}

TEST_CASE("concurrency limiter: 429 and 503, and broken connections") {
    test::run([]() -> task<> {
        busy_site site;
        site.refuse_from = 0;
        auto limiter =
            std::make_shared<concurrency_limiter>(concurrency_limiter_options().limit(8, 1, 8).decrease(0.5));
        http::client web(client_options().intercept(limiter).intercept(site.make()));
        co_await send_many(web, 8); // one round: once
        CHECK(limiter->limit(parsed(here)) == 4);
        co_await send_many(web, 1);
        CHECK(limiter->limit(parsed(here)) == 2);
        auto broken =
            tests::site_of([](const http::request& what, int) { return answer(tests::refused(what)); });
        http::client other(client_options().intercept(limiter).intercept(broken));
        co_await send_many(other, 1);
        CHECK(limiter->limit(parsed(here)) == 1);
        CHECK(limiter->limit(parsed("http://b.invalid/")) == 8); // each origin by itself
    });
}

TEST_CASE("concurrency limiter: who waits too long, and who finds the queue full") {
    test::run([]() -> task<> {
        busy_site site;
        site.takes = 1000ms;
        auto limiter = std::make_shared<concurrency_limiter>(
            concurrency_limiter_options().limit(1, 1, 1).max_waiting(1));
        http::client web(client_options().intercept(limiter).intercept(site.make()));
        co_await with_task_group([&](task_group& group) -> task<> {
            auto first = [&web]() -> task<> {
                const answer got = co_await web.try_get(here);
                CHECK(got.has_value());
            };
            auto second = [&web]() -> task<> {
                const answer got = co_await web.try_send(http::request(here).timeout(100ms));
                REQUIRE_FALSE(got.has_value());
                CHECK(got.error().is_timeout());
                CHECK(got.error().phase() == http::request_phase::intercept);
            };
            group.spawn(first);
            group.spawn(second);
            co_await sleep_for(50ms);
            CHECK(limiter->in_flight(parsed(here)) == 1);
            CHECK(limiter->waiting(parsed(here)) == 1);
            const answer third = co_await web.try_get(here);
            REQUIRE_FALSE(third.has_value());
            CHECK(third.error().code() == make_error_code(http::errc::too_many_waiting));
        });
        CHECK(limiter->waiting(parsed(here)) == 0);
        CHECK(limiter->in_flight(parsed(here)) == 0);
    });
}

TEST_CASE("concurrency limiter: a stream has its place until it is gone") {
    test::run([]() -> task<> {
        busy_site site;
        auto limiter = std::make_shared<concurrency_limiter>(concurrency_limiter_options());
        http::client web(client_options().intercept(limiter).intercept(site.make()));
        {
            const auto stream = co_await web.open(http::request(here));
            CHECK(limiter->in_flight(parsed(here)) == 1);
        }
        CHECK(limiter->in_flight(parsed(here)) == 0);
    });
}

TEST_CASE("concurrency limiter: cancelled anywhere, no permit is lost") {
    test::run([]() -> task<> {
        busy_site site;
        site.takes = 0ms; // a turn of the loop
        auto limiter = std::make_shared<concurrency_limiter>(concurrency_limiter_options().limit(2, 2, 2));
        http::client web(client_options().intercept(limiter).intercept(site.make()));
        auto scenario = [&]() -> task<> { co_await send_many(web, 5); };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(limiter->in_flight(parsed(here)) == 0);
            CHECK(limiter->waiting(parsed(here)) == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 10);
        site.most = 0;
        co_await send_many(web, 6);
        CHECK(site.most == 2);
    });
}
