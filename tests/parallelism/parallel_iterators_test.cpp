#include <tandem/parallelism/parallel_iterators.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <functional>
#include <vector>

using namespace tandem;
using tests::run_on_loop;

namespace {

// All but the outermost elements.
std::vector<int> five() {
    return {9, 3, 1, 2, 9};
}

} // namespace

TEST_CASE("parallel algorithms between two iterators touch what is between them") {
    thread_pool pool(2);
    const auto options = parallel_options().grain(1);
    std::vector<int> values = five();
    const auto first = values.begin() + 1;
    const auto last = values.end() - 1;
    std::vector<int> out(3);

    parallel_for_each(pool, first, last, [](int& v) { v *= 10; }, options);
    CHECK(values == std::vector{9, 30, 10, 20, 9});
    parallel_transform(pool, first, last, out.begin(), [](int v) { return v + 1; }, options);
    CHECK(out == std::vector{31, 11, 21});
    CHECK(parallel_reduce(pool, first, last, 1, std::plus<>()) == 61);
    CHECK(parallel_reduce(pool, first, last, 1, std::plus<>(), options) == 61);
    CHECK(parallel_reduce(pool, first, last, 1, std::plus<>(), std::negate<>(), options) == -59);
    parallel_scan(pool, first, last, out.begin(), 1, std::plus<>(), options);
    CHECK(out == std::vector{31, 41, 61});
    parallel_exclusive_scan(pool, first, last, out.begin(), 1);
    CHECK(out == std::vector{1, 31, 41});
    parallel_sort(pool, first, last);
    CHECK(values == std::vector{9, 10, 20, 30, 9});
    parallel_sort(pool, values.data() + 1, values.data() + 4, std::greater<>(), options);
    CHECK(values == std::vector{9, 30, 20, 10, 9});
    parallel_for_each(pool, first, first, [](int& v) { v = 0; });
    CHECK(values == std::vector{9, 30, 20, 10, 9});
}

TEST_CASE("parallel algorithms between two iterators, awaited") {
    run_on_loop([]() -> task<> {
        std::vector<int> values = five();
        const auto first = values.begin() + 1;
        const auto last = values.end() - 1;
        std::vector<int> out(3);
        co_await parallel_for_each(first, last, [](int& v) { v *= 10; });
        CHECK(values == std::vector{9, 30, 10, 20, 9});
        co_await parallel_transform(first, last, out.begin(), std::negate<>());
        CHECK(out == std::vector{-30, -10, -20});
        const int sum = co_await parallel_reduce(first, last, 1, std::plus<>());
        CHECK(sum == 61);
        const int fixed =
            co_await parallel_reduce(first, last, 1, std::plus<>(), parallel_options().deterministic(true));
        CHECK(fixed == 61);
        const int negated = co_await parallel_reduce(first, last, 1, std::plus<>(), std::negate<>());
        CHECK(negated == -59);
        co_await parallel_scan(first, last, out.begin(), 1);
        CHECK(out == std::vector{31, 41, 61});
        co_await parallel_exclusive_scan(first, last, out.begin(), 1);
        CHECK(out == std::vector{1, 31, 41});
        co_await parallel_sort(first, last);
        CHECK(values == std::vector{9, 10, 20, 30, 9});
    });
}
