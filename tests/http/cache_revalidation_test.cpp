// What a cache gives although it is stale (RFC 5861): when asking fails, and while it asks again.
#include "tests/http/cache_support.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using namespace cache_tests;

namespace {

// Runs `body` beside a task that asks again for what was given stale.
task<> with_revalidation(fixture& f, std::function<task<>()> body) {
    auto run = [&](task_group& group) -> task<> {
        group.spawn([&] { return f.cache->revalidate(f.web); });
        co_await yield(); // it has begun
        co_await body();
        group.cancel();
    };
    co_await with_task_group(run);
}

constexpr std::size_t a_few = 20; // turns, for what is done without time passing

} // namespace

TEST_CASE("cache: stale-if-error") {
    test::run([]() -> task<> {
        int mode = 0;
        fixture f([&](const http::request& what, int number) {
            if (mode == 1) return answer(tests::refused(what));
            if (mode == 2) return answer(dated(what, number, 503).build());
            return answer(
                dated(what, number).header("Cache-Control", "max-age=10, stale-if-error=100").build());
        });
        co_await f.body();
        co_await sleep_for(20s);
        for (mode = 1; mode <= 2; ++mode) {
            const std::string body = co_await f.body();
            CHECK(body == "200 1");
        }
        CHECK(f.asked() == 3);
        CHECK(f.cache->counters().stale == 2);
        co_await sleep_for(100s);
        mode = 2;
        const std::string late = co_await f.body();
        CHECK(late.starts_with("503 "));
    });
}

TEST_CASE("cache: stale-while-revalidate: given at once, and asked for in the background, once") {
    test::run([]() -> task<> {
        fixture f(with("max-age=10, stale-while-revalidate=100"));
        auto body = [&]() -> task<> {
            co_await f.body();
            co_await sleep_for(20s);
            for (int i = 0; i < 3; ++i) {
                const std::string stale = co_await f.body();
                CHECK(stale == "200 1");
            }
            CHECK(f.asked() == 1);
            co_await tests::turns(a_few);
            CHECK(f.asked() == 2);
            CHECK(f.cache->counters().stale == 3);
            const std::string renewed = co_await f.body();
            CHECK(renewed == "200 2");
            CHECK(f.cache->counters().hits == 1);
            CHECK(f.asked() == 2);
            co_await sleep_for(111s); // beyond the window: the request itself asks
            const std::string late = co_await f.body();
            CHECK(late == "200 3");
        };
        co_await with_revalidation(f, body);
    });
}

TEST_CASE("cache: stale-while-revalidate asks as the request did, and is renewed by a 304") {
    test::run([]() -> task<> {
        fixture f(with("max-age=10, stale-while-revalidate=100", "\"v\""));
        auto body = [&]() -> task<> {
            co_await f.body();
            co_await sleep_for(20s);
            int told = 0;
            http::request what(here);
            what.header("X-A", "1").timeout(7s).on_download([&](const http::transfer&) { ++told; });
            what.on_informational([&](int, const http::headers&) { ++told; });
            const std::string stale = co_await f.body(std::move(what));
            CHECK(stale == "200 1");
            co_await tests::turns(a_few);
            REQUIRE(f.asked() == 2);
            const http::request& asked = f.site->seen.back();
            CHECK(asked.headers().get("If-None-Match") == "\"v\"");
            CHECK(asked.headers().get("X-A") == "1");
            CHECK(asked.timeout() == 7s);
            CHECK_FALSE(asked.on_download()); // they were for that request alone
            CHECK_FALSE(asked.on_informational());
            CHECK(f.cache->counters().validated == 1);
            co_await sleep_for(9s);
            const std::string fresh = co_await f.body();
            CHECK(fresh == "200 1");
            CHECK(f.asked() == 2);
        };
        co_await with_revalidation(f, body);
    });
}

TEST_CASE("cache: without a task for it stale-while-revalidate is no reason to give what is stale") {
    test::run([]() -> task<> {
        fixture f(with("max-age=10, stale-while-revalidate=100"));
        fixture other(with("max-age=10, stale-while-revalidate=100"));
        const auto again = [](fixture& one) -> task<std::string> {
            co_await sleep_for(20s);
            co_return co_await one.body();
        };
        co_await f.body();
        std::string got = co_await again(f);
        CHECK(got == "200 2");
        auto body = [&]() -> task<> { // of another client: no help to this one
            got = co_await again(f);
            CHECK(got == "200 3");
        };
        co_await with_revalidation(other, body);
        auto own = [&]() -> task<> { co_await yield(); };
        co_await with_revalidation(f, own); // has ended
        got = co_await again(f);
        CHECK(got == "200 4");
        CHECK(f.cache->counters().stale == 0);
    });
}

TEST_CASE("cache: in the background a few at a time, one for each URL and variant, the rest not at all") {
    test::run([]() -> task<> {
        event go;
        int now = 0;
        const auto site = [&](const http::request& what, int number) -> task<answer> {
            const bool slow = number > 100;
            if (slow) {
                ++now;
                co_await go.wait();
                --now;
            }
            auto made = dated(what, number);
            made.header("Cache-Control", "max-age=10, stale-while-revalidate=1000");
            co_return answer(made.build());
        };
        auto all = tests::site(site);
        auto cache = std::make_shared<http::cache>(http::cache_options().max_revalidations(3));
        http::client web(client_options().intercept(cache).intercept(all));
        auto run = [&](task_group& group) -> task<> {
            group.spawn([&] { return cache->revalidate(web); });
            for (int i = 0; i < 100; ++i)
                co_await web.get(here + std::to_string(i));
            co_await sleep_for(20s);
            auto one = [&](int i) -> task<> { co_await web.get(here + std::to_string(i)); };
            for (int round = 0; round < 3; ++round)
                for (int i = 0; i < 60; ++i)
                    co_await one(i); // given at once
            co_await tests::turns(a_few);
            CHECK(now == 3);
            CHECK(all->seen.size() == 103);
            CHECK(cache->counters().stale == 180);
            for (int i = 60; i < 100; ++i) // more than there is room for: some ask themselves
                group.spawn(one, i);
            co_await tests::turns(a_few);
            CHECK(cache->counters().stale < 220);
            CHECK(cache->counters().stale > 180);
            go.set();
            co_await tests::turns(1000);
            CHECK(all->seen.size() == 200); // each once
            CHECK(now == 0);
            group.cancel();
        };
        co_await with_task_group(run);
    });
}

TEST_CASE("cache: who asks in the background is cancelled and waited for") {
    test::run([]() -> task<> {
        int begun = 0, ended = 0;
        event never;
        const auto site = [&](const http::request& what, int number) -> task<answer> {
            class counted {
            public:
                explicit counted(int& n) : n_(n) {}
                ~counted() { ++n_; }

            private:
                int& n_;
            };
            ++begun;
            const counted frame(ended);
            if (number == 2) co_await never.wait();
            auto made = dated(what, number);
            made.header("Cache-Control", "max-age=10, stale-while-revalidate=1000");
            co_return answer(made.build());
        };
        auto all = tests::site(site);
        auto cache = std::make_shared<http::cache>();
        http::client web(client_options().intercept(cache).intercept(all));
        auto run = [&](task_group& group) -> task<> {
            group.spawn([&] { return cache->revalidate(web); });
            co_await web.get(here);
            co_await sleep_for(20s);
            co_await web.get(here);
            co_await tests::turns(a_few);
            CHECK(begun == 2);
            CHECK(ended == 1);
            group.cancel();
        };
        co_await with_task_group(run);
        CHECK(ended == 2);
        const http::response own = co_await web.get(here); // the URL is free again
        CHECK(own.body() == "3");
        CHECK(begun == ended);
        auto again = [&](task_group& group) -> task<> {
            group.spawn([&] { return cache->revalidate(web); });
            co_await sleep_for(20s);
            const http::response stale = co_await web.get(here);
            CHECK(stale.body() == "3");
            co_await tests::turns(a_few);
            CHECK(begun == 4);
            CHECK(ended == 4);
            group.cancel();
        };
        co_await with_task_group(again);
    });
}

TEST_CASE("cache: an answer that was overtaken is not kept") {
    test::run([]() -> task<> {
        event go_on;
        int version = 1;
        const auto site = [&](const http::request& what, int number) -> task<answer> {
            if (what.verb() == http::method::post) ++version;
            const int seen = version;
            if (number == 2) co_await go_on.wait(); // decided already, and long under way
            auto made = dated(what, seen, what.headers().contains("If-None-Match") && seen == 1 ? 304 : 200);
            made.header("Cache-Control", "max-age=10, stale-while-revalidate=1000").header("ETag", "\"v1\"");
            co_return answer(made.build());
        };
        auto all = tests::site(site);
        auto cache = std::make_shared<http::cache>();
        http::client web(client_options().intercept(cache).intercept(all));
        auto run = [&](task_group& group) -> task<> {
            group.spawn([&] { return cache->revalidate(web); });
            co_await web.get(here);
            co_await sleep_for(20s);
            const http::response stale = co_await web.get(here);
            CHECK(stale.body() == "1");
            co_await tests::turns(a_few);
            co_await web.post(here, "x", "text/plain"); // removes what is kept
            go_on.set();
            co_await tests::turns(a_few);
            const http::response now = co_await web.get(here);
            CHECK(now.body() == "2");
            group.cancel();
        };
        co_await with_task_group(run);
    });
}

TEST_CASE("cache: what fails in the background leaves what is kept, and is tried again") {
    test::run([]() -> task<> {
        bool broken = false;
        fixture f([&](const http::request& what, int number) {
            if (broken)
                return number % 2 ? answer(tests::refused(what)) : answer(dated(what, number, 500).build());
            return answer(dated(what, number)
                              .header("Cache-Control", "max-age=10, stale-while-revalidate=100")
                              .build());
        });
        auto body = [&]() -> task<> {
            co_await f.body();
            co_await sleep_for(20s);
            broken = true;
            for (int i = 0; i < 3; ++i) {
                const std::string stale = co_await f.body();
                CHECK(stale == "200 1");
                co_await tests::turns(a_few);
                CHECK(f.asked() == 2 + i);
            }
            broken = false;
            co_await f.body();
            co_await tests::turns(a_few);
            const std::string fresh = co_await f.body();
            CHECK(fresh == "200 5");
        };
        co_await with_revalidation(f, body);
    });
}

TEST_CASE("cache: what an interceptor throws in the background leaves revalidate") {
    test::run([]() -> task<> {
        fixture f([](const http::request& what, int number) -> answer {
            if (number == 2) throw std::runtime_error("broken");
            return answer(dated(what, number)
                              .header("Cache-Control", "max-age=10, stale-while-revalidate=100")
                              .build());
        });
        auto body = [&]() -> task<> {
            co_await f.body();
            co_await sleep_for(20s);
            co_await f.body();
            co_await sleep_for(1s);
        };
        const std::string told = co_await tests::message_of(with_revalidation(f, body));
        CHECK(told == "broken");
        std::string second;
        auto twice = [&]() -> task<> { second = co_await tests::message_of(f.cache->revalidate(f.web)); };
        co_await with_revalidation(f, twice);
        CHECK(second.find("another task") != std::string::npos);
    });
}

TEST_CASE("cache: asking in the background can be cancelled anywhere") {
    test::run([]() -> task<> {
        auto give = with("max-age=10, stale-while-revalidate=1000", "\"v\"");
        auto site = tests::site([give](const http::request& what, int number) -> task<answer> {
            co_await tests::turns(2);
            co_return give(what, number);
        });
        auto cache = std::make_shared<http::cache>();
        http::client web(client_options().intercept(cache).intercept(site));
        auto scenario = [&]() -> task<> {
            auto run = [&](task_group& group) -> task<> {
                group.spawn([&] { return cache->revalidate(web); });
                co_await web.get(here);
                co_await sleep_for(20s);
                const http::response stale = co_await web.get(here);
                CHECK(stale.ok());
                co_await tests::turns(a_few);
                group.cancel();
            };
            co_await with_task_group(run);
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 8);
        co_await scenario();
    });
}
