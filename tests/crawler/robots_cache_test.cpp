#include "examples/crawler/robots_cache.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>

#include "tests/crawler/crawl_support.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace crawler;
using namespace crawl_test;
using namespace std::chrono_literals;

namespace {

using answer_ptr = std::shared_ptr<const robots_answer>;

tandem::task<answer_ptr> ask(std::string url, std::chrono::milliseconds timeout = 20s) {
    robots_cache cache(timeout);
    tandem::http::client web;
    co_return co_await cache.rules_for(web, tandem::url(url));
}

site::response text(const std::string& body, int status = 200) {
    return site::response::text(body, status);
}

const std::string no_private = "User-agent: *\nDisallow: /private\n";

} // namespace

TEST_CASE("robots cache: a file") {
    site s(from_table({{"/robots.txt", text(no_private + "Crawl-delay: 2\n")}}));
    const answer_ptr a = tests::run_on_loop(ask(s.url("/deep/page?x#y")));
    CHECK(a->is_known());
    CHECK(a->status == 200);
    CHECK(a->rules.allowed("/x"));
    CHECK_FALSE(a->rules.allowed("/private/x"));
    CHECK(a->rules.crawl_delay() == 2s);
    CHECK(s.requests() == std::vector<std::string>{"/robots.txt"});
}

TEST_CASE("robots cache: what a status means") {
    for (const int status : {400, 401, 403, 404, 410, 429}) {
        site s(from_table({{"/robots.txt", text("User-agent: *\nDisallow: /\n", status)}}));
        const answer_ptr a = tests::run_on_loop(ask(s.url()));
        CHECK(a->is_known());
        CHECK(a->rules.allowed("/x"));
    }
    for (const int status : {500, 502, 503, 599}) {
        site s(from_table({{"/robots.txt", text("User-agent: *\nAllow: /\n", status)}}));
        const answer_ptr a = tests::run_on_loop(ask(s.url()));
        CHECK_FALSE(a->is_known());
        CHECK(a->status == status);
        CHECK_FALSE(a->failure);
        CHECK_FALSE(a->rules.allowed("/x"));
    }
}

TEST_CASE("robots cache: no file is no file, whatever its body") {
    for (const int status : {404, 200, 503}) {
        site::response broken(status);
        broken.body("no gzip at all").header("Content-Encoding", "gzip");
        site s(from_table({{"/robots.txt", broken}}));
        const answer_ptr a = tests::run_on_loop(ask(s.url()));
        CHECK(a->is_known() == (status == 404));
        CHECK(a->rules.allowed("/x") == (status == 404));
    }
}

TEST_CASE("robots cache: redirects") {
    site s(from_table({{"/robots.txt", site::response::redirect("/1", 301)},
                       {"/1", site::response::redirect("/2", 302)},
                       {"/2", site::response::redirect("/3", 307)},
                       {"/3", site::response::redirect("/4", 308)},
                       {"/4", site::response::redirect("/5", 303)},
                       {"/5", text(no_private)}}));
    const answer_ptr five = tests::run_on_loop(ask(s.url()));
    CHECK_FALSE(five->rules.allowed("/private/x"));

    site endless(from_table({{"/robots.txt", site::response::redirect("/robots.txt")}}));
    const answer_ptr a = tests::run_on_loop(ask(endless.url()));
    CHECK(a->is_known());
    CHECK(a->rules.allowed("/private/x"));
    CHECK(endless.count("/robots.txt") == 6);
}

TEST_CASE("robots cache: no answer allows nothing and says why") {
    std::string gone;
    {
        const site s(from_table({}));
        gone = s.url();
    }
    const answer_ptr a = tests::run_on_loop(ask(gone));
    CHECK_FALSE(a->is_known());
    REQUIRE(a->failure);
    CHECK(a->failure->phase() == tandem::http::request_phase::connect);
    CHECK_FALSE(a->rules.allowed("/x"));
}

TEST_CASE("robots cache: a server that does not answer within the time limit") {
    const auto never = [](tandem::http::server_request) -> tandem::task<site::response> {
        co_await tandem::sleep_for(1h);
        co_return site::response(200);
    };
    site s(never, tandem::http::server_options().drain_timeout(0ms));
    const answer_ptr a = tests::run_on_loop(ask(s.url(), 30ms));
    CHECK_FALSE(a->is_known());
    REQUIRE(a->failure);
    CHECK(a->failure->is_timeout());
}

TEST_CASE("robots cache: a huge file is read up to the limit") {
    std::string body = no_private;
    while (body.size() < 3 * robots_rules::max_bytes)
        body += "# filler filler filler filler filler filler filler\n";
    body += "User-agent: *\nDisallow: /late\n";
    site s(from_table({{"/robots.txt", text(body)}}));
    const answer_ptr a = tests::run_on_loop(ask(s.url()));
    CHECK_FALSE(a->rules.allowed("/private"));
    CHECK(a->rules.allowed("/late"));
}

TEST_CASE("robots cache: fetched once for each origin, whoever asks") {
    const auto slow = [](tandem::http::server_request) -> tandem::task<site::response> {
        co_await tandem::sleep_for(10ms);
        co_return site::response::text(no_private);
    };
    site one(slow);
    site two(slow);
    robots_cache cache(20s);
    std::atomic<int> denied{0};
    tandem::runtime rt(tests::loops(2));
    const auto asker = [&](tandem::http::client& web, std::string url) -> tandem::task<> {
        const answer_ptr a = co_await cache.rules_for(web, tandem::url(url));
        if (!a->rules.allowed("/private/")) ++denied;
    };
    const auto on_loop = [&]() -> tandem::task<> {
        tandem::http::client web;
        const auto body = [&](tandem::task_group& group) -> tandem::task<> {
            for (int i = 0; i < 10; ++i) {
                group.spawn(asker, std::ref(web), one.url("/" + std::to_string(i)));
                group.spawn(asker, std::ref(web), two.url("/" + std::to_string(i)));
            }
            co_return;
        };
        co_await tandem::with_task_group(body);
    };
    const auto scenario = [&]() -> tandem::task<> {
        const auto body = [&](tandem::task_group& group) -> tandem::task<> {
            for (std::size_t i = 0; i < 2; ++i)
                group.spawn_on(rt.loop(i), on_loop);
            co_return;
        };
        co_await tandem::with_task_group(body);
    };
    rt.run(scenario());
    CHECK(denied == 40);
    CHECK(one.count("/robots.txt") == 1);
    CHECK(two.count("/robots.txt") == 1);
}

TEST_CASE("robots cache: when the one that fetches is cancelled, another takes over") {
    tandem::event arrived; // set on the server's loop
    std::atomic<int> number{0};
    const auto hesitant = [&](tandem::http::server_request) -> tandem::task<site::response> {
        if (++number == 1) {
            arrived.set();
            co_await tandem::sleep_for(1h);
        }
        co_return site::response::text(no_private);
    };
    site s(hesitant, tandem::http::server_options().drain_timeout(0ms));
    robots_cache cache(3600s);
    const auto scenario = [&]() -> tandem::task<bool> {
        tandem::http::client web;
        const auto first = [&]() -> tandem::task<> {
            co_await cache.rules_for(web, tandem::url(s.url("/1")));
        };
        answer_ptr got;
        const auto second = [&]() -> tandem::task<> {
            got = co_await cache.rules_for(web, tandem::url(s.url("/2")));
        };
        const auto body = [&](tandem::task_group& group) -> tandem::task<> {
            const auto inner = [&](tandem::task_group& doomed) -> tandem::task<> {
                doomed.spawn(first);
                co_await arrived.wait();
                group.spawn(second);
                co_await tests::turns(3); // the second waits for the first
                doomed.cancel();
            };
            co_await tandem::with_task_group(inner);
        };
        co_await tandem::with_task_group(body);
        co_return got && !got->rules.allowed("/private");
    };
    const bool taken_over = tests::run_on_loop(scenario());
    CHECK(taken_over);
    CHECK(s.count("/robots.txt") == 2);
}
