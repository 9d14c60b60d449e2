#include <tandem/parallelism/parallel_sort.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

using namespace tandem;
using tests::run_on_loop;

namespace {

constexpr std::size_t pool_sizes[] = {1, 2, 8};
constexpr std::size_t sizes[] = {0, 1, 2, 3, 24, 25, 26, 128, 129, 130, 1001, 30'011};

class noise {
public:
    explicit noise(std::uint32_t seed) : state_(seed) {}
    std::uint32_t operator()() {
        state_ = state_ * 1664525 + 1013904223;
        return state_ >> 4;
    }

private:
    std::uint32_t state_;
};

std::vector<std::vector<int>> patterns(std::size_t n) {
    noise random(static_cast<std::uint32_t>(n));
    std::vector<std::vector<int>> all(8, std::vector<int>(n));
    for (std::size_t i = 0; i < n; ++i) {
        const int k = static_cast<int>(i);
        all[0][i] = static_cast<int>(random());
        all[1][i] = k;
        all[2][i] = -k;
        all[3][i] = 7;
        all[4][i] = static_cast<int>(random() % 2);
        all[5][i] = static_cast<int>(random() % 50);
        all[6][i] = std::min(k, static_cast<int>(n) - k); // an organ pipe
        all[7][i] = k % 17 == 0 ? static_cast<int>(random()) : k;
    }
    return all;
}

} // namespace

TEST_CASE("parallel_sort: sizes and patterns, ascending and descending") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (const std::size_t n : sizes)
            for (std::vector<int>& values : patterns(n)) {
                std::vector<int> expected = values;
                std::sort(expected.begin(), expected.end());
                std::vector<int> copy = values;
                parallel_sort(pool, copy, std::less<>(), parallel_options().grain(100));
                CHECK((copy == expected));
                parallel_sort(pool, std::span(values), std::greater<>());
                CHECK(std::equal(values.begin(), values.end(), expected.rbegin(), expected.rend()));
            }
    }
}

TEST_CASE("parallel_sort: strings and things that can only be moved") {
    thread_pool pool(2);
    noise random(1);
    std::vector<std::string> texts(5'000);
    for (std::string& text : texts)
        text = std::to_string(random() % 1'000) + std::string(random() % 30, 'x');
    auto expected = texts;
    std::sort(expected.begin(), expected.end());
    parallel_sort(pool, texts, std::less<>(), parallel_options().grain(64));
    CHECK((texts == expected));
    std::vector<std::unique_ptr<int>> boxes;
    for (int i = 0; i < 5'000; ++i)
        boxes.push_back(std::make_unique<int>(static_cast<int>(random() % 100)));
    auto less = [](const auto& a, const auto& b) { return *a < *b; };
    parallel_sort(pool, boxes, less, parallel_options().grain(64));
    CHECK(std::is_sorted(boxes.begin(), boxes.end(), less));
}

TEST_CASE("parallel_sort: the number of comparisons stays bounded, whatever the input") {
    thread_pool pool(1);
    const std::size_t n = 30'000;
    for (std::vector<int>& values : patterns(n)) {
        std::size_t count = 0;
        auto less = [&](int a, int b) {
            ++count;
            return a < b;
        };
        parallel_sort(pool, values, less);
        CHECK(count < n * 40);
    }
    // Against an adversary (McIlroy, "A Killer Adversary for Quicksort"), who decides what is compared.
    std::vector<int> order(n);
    std::vector<int> rank(n, static_cast<int>(n));
    int solid = 0;
    int candidate = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i)
        order[i] = static_cast<int>(i);
    auto cruel = [&](int a, int b) {
        ++count;
        auto& x = rank[static_cast<std::size_t>(a)];
        auto& y = rank[static_cast<std::size_t>(b)];
        const int gas = static_cast<int>(n);
        if (x == gas && y == gas) (a == candidate ? x : y) = solid++;
        if (x == gas)
            candidate = a;
        else if (y == gas)
            candidate = b;
        return x < y;
    };
    parallel_sort(pool, order, cruel);
    CHECK(count < n * 150);
}

TEST_CASE("parallel_sort: a comparison that throws, at any time") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (int at = 1; at < 20'000; at = at * 3 / 2 + 1) {
            std::vector<int> values = patterns(2'000)[0];
            std::atomic<int> count{0};
            auto fails = [&](int a, int b) {
                if (++count == at) throw std::runtime_error("no order");
                return a < b;
            };
            CHECK_THROWS_WITH(parallel_sort(pool, values, fails, parallel_options().grain(50)), "no order");
        }
    }
}

TEST_CASE("parallel_sort: stopped, all elements are still there, an order that is none does no harm") {
    thread_pool pool(2);
    std::vector<int> values = patterns(20'000)[0];
    std::vector<int> expected = values;
    std::sort(expected.begin(), expected.end());
    std::stop_source source;
    std::atomic<int> count{0};
    auto less = [&](int a, int b) {
        if (++count == 50'000) source.request_stop();
        return a < b;
    };
    const auto options = parallel_options().grain(100).stop(source.get_token());
    CHECK_THROWS_AS(parallel_sort(pool, values, less, options), operation_cancelled);
    std::vector<int> rest = values;
    std::sort(rest.begin(), rest.end());
    CHECK((rest == expected));
    parallel_sort(pool, values, [](int, int) { return true; });
    parallel_sort(pool, values, [](int a, int b) { return (a ^ b) % 3 == 0; });
    std::sort(values.begin(), values.end());
    CHECK((values == expected));
}

TEST_CASE("parallel_sort, awaited") {
    run_on_loop([]() -> task<> {
        std::vector<int> values = patterns(10'000)[0];
        co_await parallel_sort(values);
        CHECK(std::is_sorted(values.begin(), values.end()));
        co_await parallel_sort(values, std::greater<>(), parallel_options().grain(10));
        CHECK(std::is_sorted(values.begin(), values.end(), std::greater<>()));
    });
}
