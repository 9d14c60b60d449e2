#include <tandem/parallelism/progress.hpp>

#include <tandem/parallelism/parallel_for.hpp>
#include <tandem/parallelism/parallel_reduce.hpp>
#include <tandem/parallelism/parallel_scan.hpp>
#include <tandem/parallelism/parallel_sort.hpp>

#include "tests/support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;

TEST_CASE("progress: what is known at a moment") {
    const progress::snapshot unknown(7, 0, 3s);
    CHECK(unknown.fraction() == 0);
    CHECK_FALSE(unknown.remaining());
    CHECK(unknown.bar() == "7, 3 s");
    const progress::snapshot begun(0, 10, 3s);
    CHECK(begun.fraction() == 0);
    CHECK_FALSE(begun.remaining());
    CHECK(begun.bar(4) == "[....]   0 %");
    const progress::snapshot half(5, 10, 3s);
    CHECK(half.fraction() == 0.5);
    CHECK(half.remaining() == 3s);
    CHECK(half.bar(10) == "[#####.....]  50 %, 3 s left");
    const progress::snapshot over(10, 10, 3s);
    CHECK(over.fraction() == 1);
    CHECK(over.remaining() == 0s);
    CHECK(over.bar(2) == "[##] 100 %, 0 s left");
    const progress::snapshot more_than_expected(11, 10, 3s);
    CHECK(more_than_expected.fraction() == 1);
    CHECK(more_than_expected.bar(0) == "[] 100 %, 0 s left");
}

TEST_CASE("progress: without an interval it tells each change, and the end once") {
    progress bar;
    std::vector<std::uint64_t> told;
    bar.on_change([&](const progress::snapshot& now) { told.push_back(now.done()); }, 0s);
    bar.expect(2);
    bar.expect(2);
    bar.add();
    bar.add(2);
    bar.add();
    CHECK(told == std::vector<std::uint64_t>{1, 3, 4});
    CHECK(bar.now().total() == 4);
    CHECK(bar.now().done() == 4);
}

TEST_CASE("progress: within the interval it keeps silent, but for the end") {
    progress bar;
    bar.set_total(1'000);
    bar.expect(5); // a total that was set stays
    std::vector<std::uint64_t> told;
    bar.on_change([&](const progress::snapshot& now) { told.push_back(now.done()); }, 24h);
    for (int i = 0; i < 1'000; ++i)
        bar.add();
    CHECK(told == std::vector<std::uint64_t>{1'000});
}

TEST_CASE("progress: added to by many threads, it tells counts that grow, one call at a time, and the end") {
    progress bar;
    constexpr std::uint64_t each = 5'000;
    bar.set_total(4 * each);
    std::vector<std::uint64_t> told; // unprotected: calls never overlap
    bar.on_change([&](const progress::snapshot& now) { told.push_back(now.done()); }, 0s);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (std::uint64_t n = 0; n < each; ++n)
                bar.add();
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(std::adjacent_find(told.begin(), told.end()) == told.end());
    REQUIRE_FALSE(told.empty());
    CHECK(told.back() == 4 * each);
}

TEST_CASE("progress: the parallel algorithms report each element once") {
    for (const std::size_t workers : {1u, 2u, 8u}) {
        thread_pool pool(workers);
        for (const std::size_t n : {0u, 1u, 3u, 30'011u}) {
            std::vector<int> values(n);
            std::uint32_t state = 1;
            for (int& v : values)
                v = static_cast<int>((state = state * 1664525 + 1013904223) >> 8) % 1'000;
            std::vector<int> out(n);
            const auto reports = [n](auto algorithm) {
                progress bar;
                algorithm(parallel_options().progress(bar));
                const auto seen = bar.now();
                return seen.done() == n && seen.total() == n;
            };
            CHECK(reports([&](const parallel_options& options) {
                parallel_for(pool, std::size_t{0}, n, [](std::size_t) {}, options);
            }));
            CHECK(reports([&](const parallel_options& options) {
                parallel_transform(pool, values, out.begin(), std::negate<>(), options);
            }));
            CHECK(reports([&](const parallel_options& options) {
                parallel_reduce(pool, values, 0, std::plus<>(), options);
            }));
            CHECK(reports([&](parallel_options options) {
                parallel_reduce(pool, values, 0, std::plus<>(), options.deterministic(true));
            }));
            CHECK(reports([&](const parallel_options& options) {
                parallel_scan(pool, values, out.begin(), 0, std::plus<>(), options);
            }));
            CHECK(reports([&](const parallel_options& options) { // many equal ones among them
                parallel_sort(pool, values, std::less<>(), options);
            }));
            CHECK(reports([&](const parallel_options& options) { // sorted already
                parallel_sort(pool, values, std::less<>(), options);
            }));
            CHECK(reports([&](parallel_options options) {
                parallel_sort(pool, values, std::greater<>(), options.grain(1));
            }));
        }
    }
}

TEST_CASE("progress: what the callback throws ends the loop") {
    thread_pool pool(2);
    progress bar;
    bar.on_change(
        [](const progress::snapshot& now) {
            if (now.done() >= 10) throw std::runtime_error("no terminal");
        },
        0s);
    std::atomic<std::size_t> ran{0};
    CHECK_THROWS_WITH(
        parallel_for(
            pool, 0, 1'000'000, [&](int) { ran.fetch_add(1); }, parallel_options().grain(1).progress(bar)),
        "no terminal");
    CHECK(ran.load() < 1'000'000);
}
