#include "examples/crawler/frontier.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/core/runtime.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

using namespace crawler;
using namespace std::chrono_literals;

namespace {

visit item(const std::string& url, std::size_t depth = 0) {
    return visit(tandem::url(url), depth, std::string());
}

std::vector<visit> items(const std::string& prefix, int count) {
    std::vector<visit> all;
    for (int i = 0; i < count; ++i)
        all.push_back(item(prefix + std::to_string(i)));
    return all;
}

// What workers saw. Thread-safe.
class observed {
public:
    void begin(const visit& v) {
        const std::lock_guard lock(mutex_);
        order.push_back(v.url.href());
        const std::size_t now = ++active_[v.url.origin()];
        most = std::max(most, now);
    }
    void end(const visit& v) {
        const std::lock_guard lock(mutex_);
        --active_[v.url.origin()];
    }
    bool each_once() const {
        return std::set<std::string>(order.begin(), order.end()).size() == order.size();
    }

    std::vector<std::string> order;
    std::size_t most = 0; // at a time on one host

private:
    std::mutex mutex_;
    std::map<std::string, std::size_t> active_;
};

// Gives an item back also when it is cancelled, as the crawler does.
class giving_back {
public:
    giving_back(frontier& f, observed& seen, const visit& v) : f_(f), seen_(seen), v_(v) { seen_.begin(v_); }
    giving_back(const giving_back&) = delete;
    giving_back& operator=(const giving_back&) = delete;
    ~giving_back() {
        seen_.end(v_);
        f_.finished(v_.url.origin());
    }

private:
    frontier& f_;
    observed& seen_;
    const visit& v_;
};

// Visits until the end; items of less than `levels` have three children each.
tandem::task<> worker(frontier& f, observed& seen, std::size_t levels) {
    for (;;) {
        const std::optional<visit> v = co_await f.take();
        if (!v) co_return;
        const giving_back held(f, seen, *v);
        co_await tests::turns(1 + v->depth % 3);
        if (v->depth < levels) {
            std::vector<visit> children;
            for (int i = 0; i < 3; ++i)
                children.push_back(item(v->url.href() + std::to_string(i), v->depth + 1));
            children.push_back(item("http://a/0")); // known
            f.add(std::move(children));
        }
    }
}

tandem::task<> workers(frontier& f, observed& seen, std::size_t count, std::size_t levels) {
    const auto body = [&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&frontier::keep_time, std::ref(f));
        for (std::size_t i = 0; i < count; ++i)
            group.spawn(worker, std::ref(f), std::ref(seen), levels);
        co_return;
    };
    co_await tandem::with_task_group(body);
}

} // namespace

TEST_CASE("frontier: every URL once") {
    frontier f(8, 0ms);
    std::vector<visit> some = items("http://a/", 3);
    some.push_back(item("http://a/1"));
    some.push_back(item("http://A:80/1"));
    some.push_back(item("http://a/1?"));
    CHECK(f.add(std::move(some)) == 4);
    CHECK(f.add(items("http://a/", 5)) == 2);
    CHECK(f.add({}) == 0);
    CHECK(f.seen() == 6);
    CHECK(f.queued() == 6);
    CHECK_FALSE(f.mark_visited(tandem::url("http://a/4")));
    CHECK(f.mark_visited(tandem::url("http://a/new")));
    CHECK_FALSE(f.mark_visited(tandem::url("http://a/new")));
    CHECK(f.add(items("http://a/new", 0)) == 0);
    CHECK(f.queued() == 6);
}

TEST_CASE("frontier: the crawl is over when nothing is queued or being worked on") {
    const auto scenario = []() -> tandem::task<> {
        frontier f(8, 0ms);
        f.add(items("http://a/", 2));
        const std::optional<visit> one = co_await f.take();
        const std::optional<visit> two = co_await f.take();
        REQUIRE((one && two));
        CHECK(one->url.href() == "http://a/0");
        CHECK(two->url.href() == "http://a/1");
        f.finished(one->url.origin());
        f.add(items("http://a/", 3)); // found on the second: goes on
        f.finished(two->url.origin());
        const std::optional<visit> three = co_await f.take();
        REQUIRE(three);
        CHECK(three->url.href() == "http://a/2");
        f.finished(three->url.origin());
        for (int i = 0; i < 3; ++i) {
            const std::optional<visit> none = co_await f.take();
            CHECK_FALSE(none);
        }
        CHECK(f.add(items("http://late/", 3)) == 0);
    };
    tests::run_on_loop(scenario);
}

TEST_CASE("frontier: pages that find pages, many workers") {
    for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{100}}) {
        frontier f(8, 0ms);
        observed seen;
        f.add(items("http://a/", 1));
        f.add(items("http://b/", 1));
        tests::run_on_loop(workers(f, seen, count, 4));
        CHECK(seen.order.size() == 2 * (1 + 3 + 9 + 27 + 81));
        CHECK(seen.each_once());
        CHECK(seen.most <= 8);
        CHECK(f.queued() == 0);
    }
}

TEST_CASE("frontier: no host has more than its limit, and it is used") {
    frontier f(2, 0ms);
    observed seen;
    for (const char* host : {"http://a/", "http://b/", "https://a/", "http://a:81/"})
        f.add(items(host, 20));
    tests::run_on_loop(workers(f, seen, 20, 0));
    CHECK(seen.order.size() == 80);
    CHECK(seen.most == 2);
}

TEST_CASE("frontier: a large host does not keep the others waiting") {
    frontier f(2, 0ms);
    observed seen;
    f.add(items("http://large/", 1000));
    f.add(items("http://small/", 5));
    tests::run_on_loop(workers(f, seen, 1, 0));
    REQUIRE(seen.order.size() == 1005);
    const auto small = std::count_if(seen.order.begin(), seen.order.begin() + 15,
                                     [](const std::string& u) { return u.starts_with("http://small/"); });
    CHECK(small == 5);
}

TEST_CASE("frontier: requests to one host are apart by the delay") {
    frontier f(8, 20ms);
    const tandem::url a("http://a/x");
    const auto first = f.reserve(a);
    CHECK(first <= frontier::clock::now());
    const auto second = f.reserve(tandem::url("http://a/y"));
    CHECK(second - first == 20ms);
    const auto elsewhere = f.reserve(tandem::url("http://b/"));
    CHECK(elsewhere <= frontier::clock::now());
    f.slow_down(a, 50ms);
    const auto third = f.reserve(a); // the slot after the second was given under the old delay
    CHECK(third - second == 20ms);
    CHECK(f.reserve(a) - third == 50ms);
    f.slow_down(a, 1ms); // never faster again
    f.reserve(a);
    const auto fifth = f.reserve(a);
    CHECK(fifth - third == 150ms);

    frontier polite(8, 30ms);
    polite.slow_down(a, 10ms); // never faster than the general delay
    const auto begin = polite.reserve(a);
    CHECK(polite.reserve(a) - begin == 30ms);
}

namespace {

tandem::task<> timed_worker(frontier& f, observed& seen, std::vector<frontier::clock::time_point>& begun) {
    for (;;) {
        const std::optional<visit> v = co_await f.take();
        if (!v) co_return;
        const giving_back held(f, seen, *v);
        const auto begin = f.reserve(v->url);
        if (begin > frontier::clock::now()) co_await tandem::sleep_until(begin);
        begun.push_back(frontier::clock::now());
    }
}

} // namespace

TEST_CASE("frontier: with a delay, one at a time, apart, and workers do not sit on the items of one host") {
    frontier f(8, 10ms);
    observed seen;
    std::vector<frontier::clock::time_point> begun;
    f.add(items("http://slow/", 6));
    const auto before = frontier::clock::now();
    const auto scenario = [&]() -> tandem::task<> {
        const auto body = [&](tandem::task_group& group) -> tandem::task<> {
            group.spawn(&frontier::keep_time, std::ref(f));
            for (int i = 0; i < 3; ++i)
                group.spawn(timed_worker, std::ref(f), std::ref(seen), std::ref(begun));
            co_return;
        };
        co_await tandem::with_task_group(body);
    };
    tests::run_on_loop(scenario());
    REQUIRE(begun.size() == 6);
    CHECK(seen.most == 1);
    CHECK(seen.each_once());
    CHECK(begun.back() - before >= 48ms); // five gaps; the clock of sleeping is coarse
}

TEST_CASE("frontier: a slow host beside a fast one") {
    frontier f(8, 0ms);
    observed seen;
    const tandem::url host("http://a/");
    f.slow_down(host, 1ms);
    f.add(items("http://a/", 10));
    f.add(items("http://b/", 10));
    std::vector<frontier::clock::time_point> begun;
    const auto scenario = [&]() -> tandem::task<> {
        const auto body = [&](tandem::task_group& group) -> tandem::task<> {
            group.spawn(&frontier::keep_time, std::ref(f));
            for (int i = 0; i < 6; ++i)
                group.spawn(timed_worker, std::ref(f), std::ref(seen), std::ref(begun));
            co_return;
        };
        co_await tandem::with_task_group(body);
    };
    tests::run_on_loop(scenario());
    CHECK(seen.order.size() == 20);
    CHECK(seen.each_once());
    CHECK(begun.size() == 20);
    const auto of_slow = [](const std::string& u) { return u.starts_with("http://a/"); };
    // The first and, beside it, all of the fast host come before the second of the slow one.
    CHECK(std::count_if(seen.order.begin(), seen.order.begin() + 11, of_slow) == 1);
}

TEST_CASE("frontier: work that a redirect takes to another host holds a slot there") {
    const auto scenario = []() -> tandem::task<> {
        frontier f(1, 0ms);
        f.add(items("http://a/", 2));
        const std::optional<visit> first = co_await f.take();
        REQUIRE(first);
        f.moved("http://a", "http://b");
        const std::optional<visit> second = co_await f.take(); // a's slot is free
        REQUIRE(second);
        CHECK(second->url.href() == "http://a/1");
        f.add(items("http://b/", 1));
        CHECK(f.queued() == 1);
        auto early = tandem::when_any(f.take(), tests::turns(3)); // b's is not
        const auto got = co_await std::move(early);
        CHECK(got.index() == 1);
        f.finished("http://b");
        const std::optional<visit> third = co_await f.take();
        REQUIRE(third);
        CHECK(third->url.href() == "http://b/0");
        f.finished(second->url.origin());
        f.finished(third->url.origin());
        const std::optional<visit> none = co_await f.take();
        CHECK_FALSE(none);
    };
    tests::run_on_loop(scenario);
}

TEST_CASE("frontier: stop ends those who wait and drops what is queued") {
    const auto scenario = []() -> tandem::task<> {
        frontier f(1, 0ms);
        observed seen;
        f.add(items("http://a/", 50));
        const std::optional<visit> held = co_await f.take();
        REQUIRE(held);
        const auto body = [&](tandem::task_group& group) -> tandem::task<> {
            group.spawn(&frontier::keep_time, std::ref(f));
            for (int i = 0; i < 10; ++i)
                group.spawn(worker, std::ref(f), std::ref(seen), std::size_t{0});
            co_await tests::turns(3);
            f.stop();
            f.stop();
        };
        co_await tandem::with_task_group(body);
        CHECK(seen.order.empty());
        CHECK(f.add(items("http://b/", 3)) == 0);
        f.finished(held->url.origin());
        const std::optional<visit> none = co_await f.take();
        CHECK_FALSE(none);
    };
    tests::run_on_loop(scenario);
}

TEST_CASE("frontier: stop before anything was added") {
    frontier f(1, 0ms);
    observed seen;
    f.stop();
    tests::run_on_loop(workers(f, seen, 3, 0));
    CHECK(seen.order.empty());
}

TEST_CASE("frontier: cancellation at every point ends the workers") {
    const auto scenario = []() -> tandem::task<> {
        frontier f(2, 0ms);
        observed seen;
        f.add(items("http://a/", 3));
        f.add(items("http://b/", 1));
        co_await workers(f, seen, 4, 2);
    };
    const auto check = [](tests::ending end) {
        CHECK((end == tests::ending::value || end == tests::ending::cancelled));
    };
    const std::size_t cancelled = tests::run_on_loop(tests::cancel_everywhere(scenario, check));
    CHECK(cancelled > 4);
}

TEST_CASE("frontier: workers that wait for a slow host are cancelled") {
    const auto scenario = []() -> tandem::task<> {
        frontier f(8, 3600s);
        observed seen;
        f.add(items("http://a/", 3));
        const std::optional<visit> first = co_await f.take();
        REQUIRE(first);
        f.reserve(first->url);
        f.finished(first->url.origin()); // the next is due in an hour
        const auto body = [&](tandem::task_group& group) -> tandem::task<> {
            group.spawn(&frontier::keep_time, std::ref(f));
            for (int i = 0; i < 3; ++i)
                group.spawn(worker, std::ref(f), std::ref(seen), std::size_t{0});
            co_await tests::turns(5);
            group.cancel();
        };
        co_await tandem::with_task_group(body);
        CHECK(seen.order.empty());
        CHECK(f.queued() == 2);
    };
    tests::run_on_loop(scenario);
}

TEST_CASE("frontier: workers on two loops") {
    for (int round = 0; round < 5; ++round) {
        frontier f(4, 0ms);
        observed seen;
        f.add(items("http://a/", 1));
        f.add(items("http://b/", 1));
        tandem::runtime rt(tests::loops(2));
        const auto scenario = [&]() -> tandem::task<> {
            const auto body = [&](tandem::task_group& group) -> tandem::task<> {
                group.spawn(&frontier::keep_time, std::ref(f));
                for (std::size_t i = 0; i < 10; ++i)
                    group.spawn_on(rt.loop(i % 2), worker, std::ref(f), std::ref(seen), std::size_t{4});
                co_return;
            };
            co_await tandem::with_task_group(body);
        };
        rt.run(scenario());
        CHECK(seen.order.size() == 2 * (1 + 3 + 9 + 27 + 81));
        CHECK(seen.each_once());
        CHECK(seen.most <= 4);
    }
}
