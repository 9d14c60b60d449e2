#include <tandem/parallelism/pipeline.hpp>

#include <tandem/parallelism/parallel_for.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

constexpr std::size_t pool_sizes[] = {1, 2, 8};

// A source of 0, 1, ..., n - 1.
auto numbers(int n) {
    return [n, next = 0]() mutable -> std::optional<int> {
        if (next == n) return std::nullopt;
        return next++;
    };
}

std::vector<int> first_numbers(int n) {
    std::vector<int> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

// Says whether more than one thread was in it at a time.
class exclusive {
public:
    void enter() {
        if (inside_.fetch_add(1) != 0) violated_.store(true);
    }
    void exit() { inside_.fetch_sub(1); }
    bool held() const { return !violated_.load(); }

private:
    std::atomic<int> inside_{0};
    std::atomic<bool> violated_{false};
};

// Keeps a worker busy for a time that differs from item to item, so that they overtake each other.
void dawdle(int item) {
    std::atomic<int> turns{item * 7'919 % 2'000};
    while (turns.fetch_sub(1) > 0) {
    }
}

} // namespace

TEST_CASE("pipeline: each item goes through each stage once, in order where it must be") {
    const int n = static_cast<int>(tests::repeat(3'000, 500));
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (const std::size_t tokens : {1u, 2u, 3u, 16u, 100u}) {
            std::vector<int> early;
            std::vector<std::string> late;
            std::atomic<int> unordered_sum{0};
            exclusive one_at_a_time;
            pipeline(pool, pipeline_options().tokens(tokens), numbers(n), stage::parallel([](int i) {
                         dawdle(i);
                         return i;
                     }),
                     stage::in_order([&](int i) {
                         early.push_back(
                             i); // unprotected: that it is serial is what ThreadSanitizer looks at
                         return std::to_string(i);
                     }),
                     stage::parallel([](std::string text) {
                         dawdle(static_cast<int>(text.size()) + text.back());
                         return text;
                     }),
                     stage::serial([&](std::string text) {
                         one_at_a_time.enter();
                         unordered_sum.fetch_add(std::stoi(text));
                         one_at_a_time.exit();
                         return text;
                     }),
                     stage::in_order([&](std::string text) { late.push_back(std::move(text)); }));
            CHECK((early == first_numbers(n)));
            std::vector<std::string> expected;
            for (int i = 0; i < n; ++i)
                expected.push_back(std::to_string(i));
            CHECK((late == expected));
            CHECK(unordered_sum.load() == n * (n - 1) / 2);
            CHECK(one_at_a_time.held());
        }
    }
}

TEST_CASE("pipeline: no items, one item, one stage, the default number of tokens") {
    thread_pool pool(2);
    for (const int n : {0, 1, 50}) {
        std::vector<int> seen;
        pipeline(pool, pipeline_options(), numbers(n), stage::in_order([&](int i) { seen.push_back(i); }));
        CHECK((seen == first_numbers(n)));
    }
}

TEST_CASE("pipeline: at most so many items are on their way as there are tokens") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (const int tokens : {1, 3}) {
            std::atomic<int> on_their_way{0};
            std::atomic<int> most{0};
            auto source = [&, next = 0]() mutable -> std::optional<int> {
                if (next == 500) return std::nullopt;
                const int now = ++on_their_way;
                if (now > most.load()) most.store(now); // one thread at a time
                return next++;
            };
            pipeline(pool, pipeline_options().tokens(static_cast<std::size_t>(tokens)), source,
                     stage::parallel([](int i) {
                         dawdle(i);
                         return i;
                     }),
                     stage::parallel([&](int) { --on_their_way; }));
            CHECK(most.load() <= tokens);
            CHECK(on_their_way.load() == 0);
        }
    }
}

TEST_CASE("pipeline: a parallel stage has all workers, a serial one beside it, too") {
    // Each would wait forever if the others were not in there at the same time.
    thread_pool pool(3);
    std::latch together(3);
    pipeline(pool, pipeline_options().tokens(3), numbers(3),
             stage::parallel([&](int) { together.arrive_and_wait(); }));
    std::latch both(2);
    pipeline(pool, pipeline_options().tokens(2), numbers(2), stage::in_order([&](int i) {
                 if (i == 1) both.arrive_and_wait();
                 return i;
             }),
             stage::in_order([&](int i) {
                 if (i == 0) both.arrive_and_wait();
             }));
}

TEST_CASE("pipeline: items that can only be moved, and stages that hold such things") {
    thread_pool pool(2);
    int sum = 0;
    auto source = [next = std::make_unique<int>(0)]() -> std::optional<std::unique_ptr<int>> {
        if (*next == 100) return std::nullopt;
        return std::make_unique<int>((*next)++);
    };
    auto add = [one = std::make_unique<int>(1)](std::unique_ptr<int> p) {
        *p += *one;
        return p;
    };
    pipeline(pool, pipeline_options().tokens(4), std::move(source), stage::parallel(std::move(add)),
             stage::serial([&](std::unique_ptr<int> p) { sum += *p; }));
    CHECK(sum == 5'050);
}

TEST_CASE("pipeline: exceptions of the source and of each stage, at any item, and nothing leaks") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (int where = 0; where < 4; ++where)
            for (int at = 0; at < 60; at += 7) {
                const auto alive = std::make_shared<int>(0);
                const auto fail = [where, at](int here, int item) {
                    if (where == here && item == at) throw std::runtime_error("item " + std::to_string(at));
                };
                class item {
                public:
                    int number;
                    std::shared_ptr<int> held;
                };
                auto source = [&, next = 0]() mutable -> std::optional<item> {
                    fail(0, next);
                    if (next == 60) return std::nullopt;
                    return item{next++, alive};
                };
                std::atomic<int> finished{0};
                const auto run = [&] {
                    pipeline(pool, pipeline_options().tokens(5), source, stage::parallel([&](item i) {
                                 fail(1, i.number);
                                 return i;
                             }),
                             stage::serial([&](item i) {
                                 fail(2, i.number);
                                 return i;
                             }),
                             stage::in_order([&](item i) {
                                 fail(3, i.number);
                                 ++finished;
                             }));
                };
                CHECK_THROWS_WITH(run(), "item " + std::to_string(at));
                CHECK(finished.load() < 60);
                CHECK(alive.use_count() == 1);
            }
    }
}

TEST_CASE("pipeline: stopped, no further stage begins, and what is complete is not stopped any more") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        std::stop_source stop;
        int finished = 0;
        const auto options = pipeline_options().tokens(4).stop(stop.get_token());
        CHECK_THROWS_AS(pipeline(pool, options, numbers(1'000'000), stage::in_order([&](int i) {
                                     ++finished;
                                     if (i == 20) stop.request_stop();
                                 })),
                        operation_cancelled);
        CHECK(finished == 21);
        std::stop_source late;
        CHECK_NOTHROW(pipeline(pool, pipeline_options().tokens(1).stop(late.get_token()), numbers(1),
                               stage::in_order([](int) {})));
        // The end of the source is still to be seen: an item may be left out, as far as anybody knows.
        CHECK_THROWS_AS(pipeline(pool, pipeline_options().tokens(1).stop(late.get_token()), numbers(1),
                                 stage::in_order([&](int) { late.request_stop(); })),
                        operation_cancelled);
    }
}

TEST_CASE("pipeline: progress counts the items that have left") {
    thread_pool pool(2);
    progress bar;
    bar.set_total(300);
    std::vector<std::uint64_t> told;
    bar.on_change([&](const progress::snapshot& now) { told.push_back(now.done()); },
                  std::chrono::seconds(0));
    pipeline(pool, pipeline_options().progress(bar), numbers(300), stage::in_order([](int) {}));
    CHECK(bar.now().done() == 300);
    CHECK(told.back() == 300);
}

TEST_CASE("pipeline: in each other, beside loops, and on a worker") {
    thread_pool pool(2);
    std::atomic<int> sum{0};
    pipeline(pool, pipeline_options().tokens(4), numbers(20), stage::parallel([&](int i) {
                 pipeline(pool, pipeline_options().tokens(2), numbers(10),
                          stage::parallel([&](int k) { sum += k; }));
                 return i;
             }),
             stage::parallel([&](int) { parallel_for(pool, 0, 10, [&](int k) { sum += k; }); }));
    CHECK(sum.load() == 20 * 90);
}

TEST_CASE("pipeline: after stop of the pool") {
    thread_pool pool(1);
    pool.stop();
    CHECK_THROWS_AS(pipeline(pool, pipeline_options(), numbers(1), stage::serial([](int) {})),
                    std::runtime_error);
}

TEST_CASE("pipeline, awaited") {
    run_on_loop([]() -> task<> {
        std::vector<int> seen;
        auto twice = [](int i) { return 2 * i; };
        auto keep = [&seen](int i) { seen.push_back(i); };
        co_await pipeline(pipeline_options().tokens(4), numbers(100), stage::parallel(twice),
                          stage::in_order(keep));
        std::vector<int> expected = first_numbers(100);
        for (int& i : expected)
            i *= 2;
        CHECK((seen == expected));
    });
}

TEST_CASE("pipeline, awaited: cancelled at every moment, it has ended and its items are gone") {
    std::atomic<int> running{0};
    const auto alive = std::make_shared<int>(0);
    auto scenario = [&]() -> task<> {
        auto source = [&alive, next = 0]() mutable -> std::optional<std::shared_ptr<int>> {
            if (next++ == 20) return std::nullopt;
            return alive;
        };
        auto pass = [&running](std::shared_ptr<int> item) {
            ++running;
            --running;
            return item;
        };
        auto drop = [](const std::shared_ptr<int>&) {};
        co_await pipeline(pipeline_options().tokens(3), source, stage::parallel(pass), stage::in_order(drop));
    };
    auto check = [&](ending end) {
        CHECK(running == 0);
        CHECK(alive.use_count() == 1);
        CHECK((end == ending::value || end == ending::cancelled));
    };
    const std::size_t cancelled = run_on_loop(
        [&]() -> task<std::size_t> { co_return co_await tests::cancel_everywhere(scenario, check); });
    CHECK(cancelled > 0);
}

// Others join in and leave again all the time, because one stage is the bottleneck.
TEST_CASE("pipeline: a long run does not pile up frames on a worker's stack") {
    thread_pool pool(2);
    std::atomic<std::uintptr_t> deepest{0};
    thread_local std::uintptr_t first = 0;
    const int items = static_cast<int>(tests::repeat(20'000, 4'000));
    int seen = 0;
    pipeline(pool, pipeline_options(), numbers(items), stage::parallel([](int i) { return i; }),
             stage::in_order([&](int) {
                 const std::uintptr_t here = tests::stack_position();
                 if (first == 0) first = here;
                 const std::uintptr_t depth = tests::apart(first, here);
                 if (depth > deepest.load()) deepest.store(depth);
                 const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(5);
                 while (std::chrono::steady_clock::now() < until) {
                 }
                 ++seen;
             }));
    CHECK(seen == items);
    CHECK(deepest.load() < 64 * 1024);
}
