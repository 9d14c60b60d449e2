#include <tandem/core/block_on.hpp>
#include <tandem/parallelism/fork_join.hpp>
#include <tandem/parallelism/offload.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace tandem;

namespace {

long fib(thread_pool& pool, int n) {
    if (n < 2) return n;
    long a = 0;
    long b = 0;
    parallel_invoke(pool, [&] { a = fib(pool, n - 1); }, [&] { b = fib(pool, n - 2); });
    return a + b;
}

// Counts the leaves of a tree with ten branches at each node.
long leaves(thread_pool& pool, int depth) {
    if (depth == 0) return 1;
    long n[10] = {};
    auto branch = [&](int i) { return [&, i] { n[i] = leaves(pool, depth - 1); }; };
    parallel_invoke(pool, branch(0), branch(1), branch(2), branch(3), branch(4), branch(5), branch(6),
                    branch(7), branch(8), branch(9));
    long sum = 0;
    for (const long part : n)
        sum += part;
    return sum;
}

// A lopsided recursion, as deep as it is long.
long chain(thread_pool& pool, int n) {
    if (n == 0) return 0;
    long rest = 0;
    long here = 0;
    parallel_invoke(pool, [&] { rest = chain(pool, n - 1); }, [&] { here = 1; });
    return rest + here;
}

std::string message_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "";
}

constexpr std::size_t pool_sizes[] = {1, 2, 3, 8};

} // namespace

TEST_CASE("parallel_invoke: every function is called once, from outside and from a worker") {
    for (const std::size_t size : pool_sizes) {
        thread_pool pool(size);
        for (int round = 0; round < 50; ++round) {
            std::atomic<int> calls[5] = {};
            auto all = [&] {
                parallel_invoke(
                    pool, [&] { ++calls[0]; }, [&] { ++calls[1]; }, [&] { ++calls[2]; }, [&] { ++calls[3]; },
                    [&] { ++calls[4]; });
                for (const auto& count : calls)
                    CHECK(count == 1);
            };
            if (round % 2 == 0)
                all();
            else
                pool.submit(all).get();
        }
        bool on_worker = false;
        parallel_invoke(pool, [&] { on_worker = pool.on_worker(); });
        CHECK(on_worker);
    }
}

TEST_CASE("parallel_invoke: recursion without a cut-off") {
    const int n = static_cast<int>(tests::repeat(24, 17));
    const long expected = tests::sanitized ? 1597 : 46368;
    for (const std::size_t size : pool_sizes) {
        thread_pool pool(size);
        CHECK(fib(pool, n) == expected);
        CHECK(leaves(pool, 3) == 1000);
        CHECK(pool.submit([&] { return fib(pool, n); }).get() == expected);
    }
}

TEST_CASE("parallel_invoke: a deep, lopsided recursion") {
    thread_pool pool(2);
    const int depth = static_cast<int>(tests::repeat(5000, 500));
    CHECK(chain(pool, depth) == depth);
}

TEST_CASE("parallel_invoke: two functions really run at the same time, whichever thread begins") {
    thread_pool pool(2);
    std::latch both(2);
    parallel_invoke(pool, [&] { both.arrive_and_wait(); }, [&] { both.arrive_and_wait(); });
    std::latch again(2);
    pool.submit([&] {
            parallel_invoke(pool, [&] { again.arrive_and_wait(); }, [&] { again.arrive_and_wait(); });
        })
        .get();
}

TEST_CASE(
    "parallel_invoke: a worker that waits for another's call runs other work, then sleeps, then goes on") {
    thread_pool pool(2);
    for (std::size_t round = 0; round < tests::repeat(300, 50); ++round) {
        bool helped = false;
        pool.submit([&] {
                std::latch begun(1);
                parallel_invoke(
                    pool, [&] { begun.wait(); },
                    [&] {
                        begun.count_down(); // on the second worker; the first one joins or is about to
                        // Before the other worker can have slept for the last time in this join.
                        const auto before = pool.stats().parks;
                        std::latch ran(1);
                        std::thread([&] { pool.post([&] { ran.count_down(); }); }).join();
                        ran.wait();
                        helped = true;
                        if (round % 2 == 0)
                            while (pool.stats().parks == before)
                                std::this_thread::yield();
                    });
            })
            .get();
        CHECK(helped);
    }
}

TEST_CASE("parallel_invoke: with a high stack a worker waits without taking other work") {
    thread_pool pool(2);
    for (int round = 0; round < 20; ++round) {
        std::atomic<bool> ran{false};
        bool ran_meanwhile = true;
        pool.submit([&] {
                volatile char high[600 * 1024];
                asm volatile("" : : "r"(&high[0]) : "memory"); // or clang keeps one byte of it
                high[0] = 1;
                std::latch begun(1);
                parallel_invoke(
                    pool, [&] { begun.wait(); },
                    [&] {
                        const auto before = pool.stats().parks; // it cannot have slept yet in this join
                        begun.count_down();
                        pool.post([&] { ran = true; });
                        while (pool.stats().parks == before)
                            std::this_thread::yield();
                        ran_meanwhile = ran;
                    });
                high[0] = high[0] + 1;
            })
            .get();
        CHECK(!ran_meanwhile);
        pool.drain();
        CHECK(ran);
    }
}

TEST_CASE("parallel_invoke: an exception from each position, the others have ended or never begin") {
    for (const std::size_t size : pool_sizes) {
        thread_pool pool(size);
        for (int position = 0; position < 4; ++position) {
            std::atomic<int> running{0};
            auto step = [&](int i) {
                return [&, i] {
                    ++running;
                    const long sum = fib(pool, 8);
                    --running;
                    if (i == position) throw std::runtime_error("thrown at " + std::to_string(i * sum / 21));
                };
            };
            const std::string what =
                message_of([&] { parallel_invoke(pool, step(0), step(1), step(2), step(3)); });
            CHECK(what == "thrown at " + std::to_string(position));
            CHECK(running == 0);
        }
    }
}

TEST_CASE("parallel_invoke: when several throw, the first argument's exception is the one") {
    thread_pool pool(2);
    for (int round = 0; round < 20; ++round) {
        std::latch both(2);
        const std::string what = message_of([&] {
            parallel_invoke(
                pool,
                [&] {
                    both.arrive_and_wait();
                    throw std::runtime_error("first");
                },
                [&] {
                    both.arrive_and_wait();
                    throw std::runtime_error("second");
                });
        });
        CHECK(what == "first");
    }
}

TEST_CASE("parallel_invoke: many outside threads at a time") {
    thread_pool pool(2);
    std::vector<std::jthread> threads;
    std::atomic<int> right{0};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (std::size_t i = 0; i < tests::repeat(200, 20); ++i)
                if (fib(pool, 10) == 55) ++right;
        });
    threads.clear();
    CHECK(right == static_cast<int>(4 * tests::repeat(200, 20)));
}

TEST_CASE("parallel_invoke: beside jobs that submit themselves again, on one worker") {
    thread_pool pool(1);
    std::atomic<bool> stop{false};
    std::atomic<int> turns{0};
    std::function<void()> again = [&] {
        ++turns;
        if (!stop) pool.post(again);
    };
    pool.post(again);
    for (int i = 0; i < 20; ++i)
        CHECK(fib(pool, 10) == 55);
    stop = true;
    pool.drain();
    CHECK(turns > 0);
}

TEST_CASE("parallel_invoke: posts from inside of forked calls, and drain") {
    thread_pool pool(3);
    std::atomic<int> posted{0};
    std::function<void(int)> tree = [&](int n) {
        pool.post([&] { ++posted; });
        if (n > 0) parallel_invoke(pool, [&] { tree(n - 1); }, [&] { tree(n - 1); });
    };
    for (int round = 1; round <= 5; ++round) {
        tree(6);
        pool.drain();
        CHECK(posted == round * 127);
    }
}

TEST_CASE("parallel_invoke: the pool stops while calls run: they end, later ones are refused") {
    for (std::size_t round = 0; round < tests::repeat(100, 20); ++round) {
        thread_pool pool(1 + round % 3);
        std::latch begun(1);
        auto result = pool.submit([&] {
            begun.count_down();
            return fib(pool, 12);
        });
        begun.wait();
        pool.stop();
        CHECK(result.get() == 144);
        CHECK_THROWS_AS(parallel_invoke(pool, [] {}), std::runtime_error);
    }
}

TEST_CASE("parallel_invoke: a worker of another pool waits for this one") {
    thread_pool outer(1);
    thread_pool inner(2);
    CHECK(outer.submit([&] { return fib(inner, 10); }).get() == 55);
}

TEST_CASE("parallel_invoke: refused where it would block a loop, right inside offload") {
    auto blocks = []() -> task<> {
        thread_pool pool(1);
        std::string what = message_of([&] { parallel_invoke(pool, [] {}, [] {}); });
        CHECK(what.find("would block the loop; co_await") != std::string::npos);
        auto sum = [&pool] { return fib(pool, 10); };
        const long elsewhere = co_await offload(pool, sum);
        CHECK(elsewhere == 55);
        auto nested = [] { return fib(*thread_pool::current(), 10); };
        const long companion = co_await offload(nested);
        CHECK(companion == 55);
    };
    tests::run_on_loop(blocks);
    bool refused = false;
    auto alone = [&]() -> task<> {
        thread_pool pool(1);
        refused = !message_of([&] { parallel_invoke(pool, [] {}); }).empty();
        co_return;
    };
    block_on(alone());
    CHECK(refused);
}
