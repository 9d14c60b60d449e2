#include <tandem/parallelism/as_completed.hpp>

#include <tandem/parallelism/thread_pool.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pool_gate.hpp"
#include "tests/support/tasks.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <latch>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace tandem;
using tests::pool_gate;

TEST_CASE("as_completed of futures: each once, in the order in which they end") {
    thread_pool pool(3);
    std::array<std::latch, 3> release{std::latch(1), std::latch(1), std::latch(1)};
    std::vector<future<std::size_t>> futures;
    for (std::size_t i = 0; i < 3; ++i)
        futures.push_back(pool.submit([&release, i] {
            release[i].wait();
            return i * 10;
        }));
    auto results = as_completed(std::move(futures));
    for (const std::size_t expected : {std::size_t{2}, std::size_t{0}, std::size_t{1}}) {
        release[expected].count_down();
        auto next = results.next();
        REQUIRE(next);
        CHECK(next->index() == expected);
        CHECK(next->done());
        CHECK(next->get() == expected * 10);
    }
    CHECK(results.remaining() == 0);
    CHECK_FALSE(results.next());
}

TEST_CASE("as_completed of futures: as a range, with failures, cancelled and empty ones") {
    thread_pool pool(2);
    std::vector<future<int>> futures(6); // 0 stays empty
    {
        const pool_gate one(pool);
        const pool_gate two(pool);
        futures[1] = pool.submit([] { return 1; });
        futures[2] = pool.submit([]() -> int { throw std::runtime_error("two"); });
        futures[3] = pool.submit([] { return 3; });
        futures[4] = pool.submit([] { return 4; });
        futures[3].cancel();
    }
    futures[5] = pool.submit([] { return 5; });
    std::set<std::size_t> seen;
    int sum = 0;
    int failed = 0;
    for (auto& next : as_completed(std::move(futures))) {
        CHECK(seen.insert(next.index()).second);
        try {
            sum += next.get();
        } catch (const std::exception&) {
            ++failed;
        }
    }
    CHECK(seen == std::set<std::size_t>{1, 2, 3, 4, 5});
    CHECK(sum == 10);
    CHECK(failed == 2);
    for (const auto& next : as_completed(std::vector<future<int>>()))
        FAIL("there is none: " << next.index());
}

TEST_CASE("as_completed of futures: left early, while calls still end") {
    thread_pool pool(2);
    std::atomic<std::size_t> ran{0};
    const std::size_t rounds = tests::repeat(500, 100);
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<future<>> futures;
        for (int i = 0; i < 10; ++i)
            futures.push_back(pool.submit([&ran] { ++ran; }));
        std::size_t taken = 0;
        for (auto& next : as_completed(std::move(futures))) {
            next.get();
            if (++taken == round % 11) break;
        }
    }
    pool.drain();
    CHECK(ran == rounds * 10);
}

TEST_CASE("as_completed of futures: cancelled ones come, too") {
    thread_pool pool(1);
    std::size_t cancelled = 0;
    {
        const pool_gate busy(pool);
        std::vector<future<>> futures;
        for (int i = 0; i < 5; ++i)
            futures.push_back(pool.submit([] {}));
        auto results = as_completed(std::move(futures));
        results.cancel();
        while (auto next = results.next())
            cancelled += next->cancelled();
    }
    CHECK(cancelled == 5);
}

TEST_CASE("as_completed of futures: on the only worker, which runs the calls itself") {
    thread_pool pool(1);
    const int sum = pool.submit([&pool] {
                            std::vector<future<int>> futures;
                            for (int i = 0; i < 20; ++i)
                                futures.push_back(pool.submit([i] { return i; }));
                            int total = 0;
                            for (auto& next : as_completed(std::move(futures)))
                                total += next.get();
                            return total;
                        })
                        .get();
    CHECK(sum == 190);
}

TEST_CASE("as_completed of futures: refused on a loop's thread") {
    thread_pool other(1);
    tests::run_on_loop([&]() -> task<> {
        std::vector<future<>> futures;
        futures.push_back(other.submit([] {}));
        auto results = as_completed(std::move(futures));
        CHECK_THROWS_AS(results.next(), std::logic_error);
        CHECK(results.remaining() == 1);
        co_return;
    });
}
