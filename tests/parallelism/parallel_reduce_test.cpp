#include <tandem/parallelism/parallel_reduce.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

using namespace tandem;
using tests::run_on_loop;

namespace {

constexpr std::size_t pool_sizes[] = {1, 2, 8};
constexpr std::size_t sizes[] = {0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 1001, 30'011};

} // namespace

TEST_CASE("parallel_reduce: sums at all sizes, plain, deterministic and with a grain") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (const std::size_t n : sizes) {
            std::vector<int> values(n);
            std::iota(values.begin(), values.end(), 1);
            const auto expected = static_cast<std::int64_t>(n * (n + 1) / 2 + 5);
            CHECK(parallel_reduce(pool, values, std::int64_t{5}, std::plus<>()) == expected);
            for (const std::size_t grain : {0u, 1u, 100u, 1'000'000u}) {
                const auto options = parallel_options().grain(grain);
                CHECK(parallel_reduce(pool, values, std::int64_t{5}, std::plus<>(), options) == expected);
                const auto fixed = parallel_options().grain(grain).deterministic(true);
                CHECK(parallel_reduce(pool, values, std::int64_t{5}, std::plus<>(), fixed) == expected);
            }
            auto square = [](int v) { return std::uint64_t(v) * std::uint64_t(v); };
            const std::uint64_t squares = std::uint64_t{n} * (n + 1) * (2 * n + 1) / 6;
            CHECK(parallel_reduce(pool, values, std::uint64_t{0}, std::plus<>(), square) == squares);
        }
    }
}

TEST_CASE("parallel_reduce: of other types the order is kept") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        std::vector<int> values(3'000);
        std::iota(values.begin(), values.end(), 0);
        std::string expected = "begin";
        for (const int v : values)
            expected += std::to_string(v) + ",";
        auto text = [](int v) { return std::to_string(v) + ","; };
        const auto begin = std::string("begin");
        CHECK(parallel_reduce(pool, values, begin, std::plus<>(), text) == expected);
        const auto fixed = parallel_options().deterministic(true);
        CHECK(parallel_reduce(pool, values, begin, std::plus<>(), text, fixed) == expected);
    }
}

TEST_CASE("parallel_reduce: move-only results") {
    thread_pool pool(2);
    std::vector<int> values(1'000, 1);
    auto add = [](std::unique_ptr<int> a, std::unique_ptr<int> b) {
        *a += *b;
        return a;
    };
    auto box = [](int v) { return std::make_unique<int>(v); };
    const auto sum = parallel_reduce(pool, values, std::make_unique<int>(0), add, box);
    CHECK(*sum == 1'000);
}

TEST_CASE("parallel_reduce: deterministic sums of floating-point numbers are equal to the bit") {
    std::vector<float> values(100'003);
    std::uint32_t state = 1;
    for (float& v : values) {
        state = state * 1664525 + 1013904223;
        v = std::ldexp(static_cast<float>(state >> 8), -static_cast<int>(state % 30));
    }
    auto sum_with = [&](std::size_t workers) {
        thread_pool pool(workers);
        return parallel_reduce(pool, values, 0.0f, std::plus<>(), parallel_options().deterministic(true));
    };
    const float expected = sum_with(1);
    for (const std::size_t workers : {2u, 3u, 8u})
        for (int round = 0; round < 10; ++round)
            CHECK(sum_with(workers) == expected);
    const double exact = std::accumulate(values.begin(), values.end(), 0.0);
    CHECK(std::abs(expected - exact) < 1e-4 * exact);
}

TEST_CASE("parallel_reduce: exceptions of the transform and of the operation, from each position") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        std::vector<int> values(500);
        std::iota(values.begin(), values.end(), 0);
        for (int position = 0; position < 500; position += 17) {
            auto fails = [position](int v) {
                if (v == position) throw std::runtime_error("transform");
                return v;
            };
            for (const bool fixed : {false, true})
                CHECK_THROWS_WITH(parallel_reduce(pool, values, 0, std::plus<>(), fails,
                                                  parallel_options().deterministic(fixed)),
                                  "transform");
        }
        auto refuses = [](const std::string& a, const std::string& b) -> std::string {
            if (a.size() + b.size() > 300) throw std::runtime_error("too long");
            return a + b;
        };
        auto one = [](int) { return std::string("x"); };
        CHECK_THROWS_WITH(parallel_reduce(pool, values, std::string(), refuses, one), "too long");
    }
}

TEST_CASE("parallel_reduce: stopped") {
    thread_pool pool(2);
    std::vector<int> values(100, 1);
    std::stop_source source;
    source.request_stop();
    const auto options = parallel_options().stop(source.get_token());
    CHECK_THROWS_AS(parallel_reduce(pool, values, 0, std::plus<>(), options), operation_cancelled);
    const auto fixed = parallel_options().stop(source.get_token()).deterministic(true);
    CHECK_THROWS_AS(parallel_reduce(pool, values, 0, std::plus<>(), fixed), operation_cancelled);
}

TEST_CASE("parallel_reduce, awaited") {
    run_on_loop([]() -> task<> {
        std::vector<int> values(10'000);
        std::iota(values.begin(), values.end(), 0);
        const long sum = co_await parallel_reduce(values, 0L, std::plus<>());
        CHECK(sum == 49'995'000);
        auto doubled = [](int v) { return 2L * v; };
        const long twice = co_await parallel_reduce(values, 0L, std::plus<>(), doubled);
        CHECK(twice == 2 * sum);
        const long again =
            co_await parallel_reduce(values, 0L, std::plus<>(), parallel_options().deterministic(true));
        CHECK(again == sum);
    });
}
