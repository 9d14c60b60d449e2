#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/parallel_for.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

constexpr std::size_t pool_sizes[] = {1, 2, 8};
constexpr std::size_t sizes[] = {0, 1, 2, 3, 7, 64, 1001, 30'011};

bool all_once(const std::vector<std::atomic<int>>& visits) {
    return std::all_of(visits.begin(), visits.end(), [](const auto& n) { return n.load() == 1; });
}

} // namespace

TEST_CASE("parallel_for: each index once, whatever the sizes and the grain") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (const std::size_t n : sizes)
            for (const std::size_t grain : {0u, 1u, 10u, 1'000'000u}) {
                std::vector<std::atomic<int>> visits(n);
                parallel_for(
                    pool, 0, n, [&](std::size_t i) { ++visits[i]; }, parallel_options().grain(grain));
                CHECK(all_once(visits));
            }
    }
}

TEST_CASE("parallel_for: chunks cover the range, none smaller than the grain but the last") {
    thread_pool pool(3);
    for (const int n : {0, 1, 99, 100, 101, 12'345}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
        std::atomic<int> small{0};
        std::atomic<int> large{0};
        parallel_for(
            pool, 0, n,
            [&](int begin, int end) {
                if (end - begin < 100 && end != n) ++small;
                if (end - begin > 100) ++large;
                for (int i = begin; i != end; ++i)
                    ++visits[static_cast<std::size_t>(i)];
            },
            parallel_options().grain(100));
        CHECK(all_once(visits));
        CHECK(small == 0);
        CHECK(large == 0);
    }
}

TEST_CASE("parallel_for: ranges that are empty, negative or as wide as their type") {
    thread_pool pool(2);
    std::atomic<int> calls{0};
    parallel_for(pool, 5, 5, [&](int) { ++calls; });
    parallel_for(pool, 5, -5, [&](int) { ++calls; });
    CHECK(calls == 0);
    std::atomic<long> sum{0};
    parallel_for(pool, -3, 5L, [&](long i) { sum += i; });
    CHECK(sum == 4);
    std::array<std::atomic<int>, 256> visits{};
    constexpr auto low = std::numeric_limits<signed char>::min();
    constexpr auto high = std::numeric_limits<signed char>::max();
    parallel_for(pool, low, high, [&](signed char i) { ++visits[static_cast<std::size_t>(i + 128)]; });
    CHECK(std::count_if(visits.begin(), visits.end(), [](const auto& n) { return n.load() == 1; }) == 255);
    std::atomic<std::uint64_t> covered{0};
    parallel_for(
        pool, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(),
        [&](int begin, int end) { covered += static_cast<unsigned>(end) - static_cast<unsigned>(begin); },
        parallel_options().grain(std::size_t{1} << 24));
    CHECK(covered == std::numeric_limits<unsigned>::max());
}

TEST_CASE("parallel_for: all workers take part while one is held up") {
    thread_pool pool(2);
    std::latch both(2);
    std::atomic<int> calls{0};
    // The first two iterations wait for each other: they cannot be on one worker.
    parallel_for(
        pool, 0, 100,
        [&](int) {
            if (calls.fetch_add(1) < 2) both.arrive_and_wait();
        },
        parallel_options().grain(1));
    CHECK(calls == 100);
}

TEST_CASE("parallel_for: nested, from outside and from workers") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        std::vector<std::atomic<int>> visits(40 * 30);
        auto nested = [&] {
            parallel_for(pool, 0, 40, [&](int row) {
                parallel_for(pool, 0, 30,
                             [&](int column) { ++visits[static_cast<std::size_t>(row * 30 + column)]; });
            });
        };
        nested();
        CHECK(all_once(visits));
        pool.submit(nested).get();
        CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& n) { return n.load() == 2; }));
        std::vector<std::jthread> outside;
        for (int t = 0; t < 4; ++t)
            outside.emplace_back(nested);
        outside.clear();
        CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& n) { return n.load() == 6; }));
    }
}

TEST_CASE("parallel_for: an exception from each position stops the rest") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (int position = 0; position < 300; position += 7) {
            std::atomic<int> running{0};
            std::string what;
            try {
                parallel_for(pool, 0, 300, [&](int i) {
                    ++running;
                    if (i == position) {
                        --running;
                        throw std::runtime_error("at " + std::to_string(i));
                    }
                    --running;
                });
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            CHECK(running == 0);
            CHECK(what == "at " + std::to_string(position));
        }
    }
    thread_pool pool(1);
    int calls = 0;
    auto throws = [&](int i) {
        ++calls;
        if (i == 10) throw std::runtime_error("ten");
    };
    CHECK_THROWS_AS(parallel_for(pool, 0, 1'000, throws, parallel_options().grain(1)), std::runtime_error);
    CHECK(calls == 11);
}

TEST_CASE("parallel_for: when all throw, exactly one arrives") {
    thread_pool pool(8);
    for (int round = 0; round < 50; ++round) {
        auto throws = [](int) { throw std::runtime_error("one of many"); };
        CHECK_THROWS_WITH(parallel_for(pool, 0, 100, throws), "one of many");
    }
}

TEST_CASE("parallel_for: a stop token stops it, unless everything was done") {
    thread_pool pool(2);
    std::stop_source source;
    std::atomic<int> calls{0};
    auto body = [&](int) {
        if (++calls == 50) source.request_stop();
    };
    const parallel_options options = parallel_options().grain(1).stop(source.get_token());
    CHECK_THROWS_AS(parallel_for(pool, 0, 100'000, body, options), operation_cancelled);
    CHECK(calls < 100'000);
    CHECK(calls >= 50);
    calls = 0;
    CHECK_THROWS_AS(parallel_for(pool, 0, 10, body, options), operation_cancelled);
    CHECK(calls == 0);
    parallel_for(pool, 0, 0, body, options); // nothing to leave out
    std::stop_source late;
    auto last = [&](int) { late.request_stop(); };
    parallel_for(pool, 0, 1, last, parallel_options().stop(late.get_token()));
}

TEST_CASE("parallel_for: refused on a loop's thread, refused by a pool that has stopped") {
    run_on_loop([]() -> task<> {
        thread_pool pool(1);
        CHECK_THROWS_AS(parallel_for(pool, 0, 3, [](int) {}), std::logic_error);
        co_return;
    });
    thread_pool pool(2);
    pool.stop();
    CHECK_THROWS_AS(parallel_for(pool, 0, 3, [](int) {}), std::runtime_error);
}

TEST_CASE("parallel_for_each, parallel_transform: elements of ranges") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (const std::size_t n : sizes) {
            std::vector<int> values(n);
            std::iota(values.begin(), values.end(), 0);
            parallel_for_each(pool, values, [](int& v) { v *= 3; });
            std::vector<std::string> texts(n);
            parallel_transform(pool, std::as_const(values), texts.begin(),
                               [](int v) { return std::to_string(v); });
            bool right = true;
            for (std::size_t i = 0; i < n; ++i)
                right = right && texts[i] == std::to_string(3 * i);
            CHECK(right);
            parallel_transform(pool, std::span(values), values.begin(), [](int v) { return v / 3; });
            CHECK(std::is_sorted(values.begin(), values.end()));
            CHECK((n == 0 || values.back() == static_cast<int>(n) - 1));
        }
        int array[3] = {1, 2, 3};
        parallel_for_each(pool, array, [](int& v) { ++v; });
        CHECK(array[2] == 4);
    }
}

TEST_CASE("parallel_for, awaited: on the companion pool, results and exceptions at home") {
    run_on_loop([]() -> task<> {
        scheduler& home = task_context::current()->home();
        std::vector<std::atomic<int>> visits(5'000);
        std::atomic<int> elsewhere{0};
        co_await parallel_for(0, visits.size(), [&](std::size_t i) {
            ++visits[i];
            if (thread_pool::current() != nullptr) ++elsewhere;
        });
        CHECK(home.is_current());
        CHECK(all_once(visits));
        CHECK(elsewhere == 5'000);
        std::vector<int> values(100, 2);
        co_await parallel_for_each(values, [](int& v) { v += 1; });
        std::vector<int> squares(100);
        co_await parallel_transform(
            values, squares.begin(), [](int v) { return v * v; }, parallel_options().grain(7));
        CHECK(squares == std::vector<int>(100, 9));
        std::string what;
        try {
            co_await parallel_for(0, 10, [](int i) {
                if (i == 7) throw std::runtime_error("seven");
            });
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "seven");
        CHECK(home.is_current());
    });
}

TEST_CASE("parallel_for, awaited: a cancelled one stops before its next chunk and has ended then") {
    std::atomic<int> running{0};
    std::atomic<int> calls{0};
    run_on_loop([&]() -> task<> {
        auto loop = [&]() -> task<> {
            co_await parallel_for(
                std::size_t{0}, std::numeric_limits<std::size_t>::max(),
                [&](std::size_t) {
                    ++running;
                    ++calls;
                    --running;
                },
                parallel_options().grain(1));
        };
        auto begun = [&]() -> task<> {
            while (calls == 0)
                co_await yield();
        };
        static_cast<void>(co_await when_any(loop(), begun()));
        CHECK(running == 0);
    });
    CHECK(calls > 0);
}

TEST_CASE("parallel_for, awaited: cancelled at every moment") {
    std::atomic<int> running{0};
    auto scenario = [&]() -> task<> {
        co_await parallel_for(0, 100, [&](int) {
            ++running;
            --running;
        });
    };
    auto check = [&](ending end) {
        CHECK(running == 0);
        CHECK((end == ending::value || end == ending::cancelled));
    };
    const std::size_t cancelled = run_on_loop(
        [&]() -> task<std::size_t> { co_return co_await tests::cancel_everywhere(scenario, check); });
    CHECK(cancelled > 0);
}
