#include <tandem/parallelism/parallel_scan.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

using namespace tandem;
using tests::run_on_loop;

namespace {

constexpr std::size_t pool_sizes[] = {1, 2, 8};
constexpr std::size_t sizes[] = {0, 1, 2, 3, 99, 100, 101, 4096, 4097, 30'011};

} // namespace

TEST_CASE("parallel_scan: what the standard's give, at all sizes, in place too") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        for (const std::size_t n : sizes)
            for (const std::size_t grain : {0u, 1u, 100u}) {
                const auto options = parallel_options().grain(grain);
                std::vector<long> values(n);
                for (std::size_t i = 0; i < n; ++i)
                    values[i] = static_cast<long>(i * i % 17) - 5;
                std::vector<long> inclusive(n);
                std::vector<long> exclusive(n);
                std::inclusive_scan(values.begin(), values.end(), inclusive.begin(), std::plus<>(), 3L);
                std::exclusive_scan(values.begin(), values.end(), exclusive.begin(), 3L);
                std::vector<long> result(n);
                parallel_scan(pool, values, result.begin(), 3L, std::plus<>(), options);
                CHECK((result == inclusive));
                parallel_exclusive_scan(pool, values, result.begin(), 3L, std::plus<>(), options);
                CHECK((result == exclusive));
                result = values;
                parallel_scan(pool, result, result.begin(), 3L, std::plus<>(), options);
                CHECK((result == inclusive));
                parallel_exclusive_scan(pool, values, values.begin(), 3L, std::plus<>(), options);
                CHECK((values == exclusive));
            }
    }
}

TEST_CASE("parallel_scan: keeps the order of what is combined") {
    thread_pool pool(3);
    std::vector<std::string> letters;
    for (int i = 0; i < 300; ++i)
        letters.push_back(std::string(1, static_cast<char>('a' + i % 26)));
    std::vector<std::string> expected(300);
    std::inclusive_scan(letters.begin(), letters.end(), expected.begin());
    std::vector<std::string> result(300);
    parallel_scan(pool, letters, result.begin(), std::string(), std::plus<>(), parallel_options().grain(7));
    CHECK((result == expected));
}

TEST_CASE("parallel_scan: exceptions and stops") {
    for (const std::size_t workers : pool_sizes) {
        thread_pool pool(workers);
        std::vector<int> values(200, 1);
        std::vector<int> result(200);
        for (int at = 1; at < 350; at += 9) {
            std::atomic<int> calls{0};
            auto fails = [&](int a, int b) {
                if (++calls == at) throw std::runtime_error("no sum");
                return a + b;
            };
            CHECK_THROWS_WITH(
                parallel_scan(pool, values, result.begin(), 0, fails, parallel_options().grain(10)),
                "no sum");
        }
        std::stop_source source;
        source.request_stop();
        const auto options = parallel_options().stop(source.get_token());
        CHECK_THROWS_AS(parallel_scan(pool, values, result.begin(), 0, std::plus<>(), options),
                        operation_cancelled);
    }
}

TEST_CASE("parallel_scan, awaited") {
    run_on_loop([]() -> task<> {
        std::vector<int> values(10'000, 2);
        std::vector<int> result(values.size());
        co_await parallel_scan(values, result.begin(), 1);
        CHECK(result.front() == 3);
        CHECK(result.back() == 20'001);
        co_await parallel_exclusive_scan(values, result.begin(), 1);
        CHECK(result.front() == 1);
        CHECK(result.back() == 19'999);
    });
}
