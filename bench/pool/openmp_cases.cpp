#include "bench/pool/data_cases.hpp"

#include <omp.h>

#include <parallel/algorithm>

namespace bench {

namespace {

constexpr const char* name = "OpenMP";
constexpr int threads = static_cast<int>(workers);

// Tasks cost so much here that smaller problems do; the figures are per fork and per leaf.
constexpr int small_fib_n = 24;
constexpr long small_fib_result = 46'368;
constexpr double small_fib_forks = 75'024; // fib(25) - 1
constexpr long small_leaves = 100'000;

long fib(int n) {
    if (n < 2) return n;
    long a = 0;
    long b = 0;
#pragma omp task shared(a) firstprivate(n)
    a = fib(n - 1);
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

long skynet(long first, long count) {
    if (count == 1) return first;
    long sums[10] = {};
    for (long i = 0; i < 10; ++i) {
#pragma omp task shared(sums) firstprivate(i, first, count)
        sums[i] = skynet(first + i * (count / 10), count / 10);
    }
#pragma omp taskwait
    long sum = 0;
    for (const long s : sums)
        sum += s;
    return sum;
}

float sum_of_squares() {
    const float* const x = halves().data();
    const auto n = static_cast<long>(ten_million);
    float sum = 0;
#pragma omp parallel for simd num_threads(threads) reduction(+ : sum) schedule(static)
    for (long i = 0; i < n; ++i)
        sum += x[i] * x[i];
    return sum;
}

} // namespace

void add_openmp_cases(cases& all) {
    all.emplace_back(fib_row, name, [](const note& write) {
        const auto once = [] {
            long result = 0;
#pragma omp parallel num_threads(threads)
#pragma omp single
            result = fib(small_fib_n);
            check(result == small_fib_result, fib_row);
        };
        time_each(3, once, [&](double ms, double) { write(fib_row, "ns", ms * 1e6 / small_fib_forks); });
    });
    all.emplace_back(skynet_row, name, [](const note& write) {
        const auto once = [] {
            long result = 0;
#pragma omp parallel num_threads(threads)
#pragma omp single
            result = skynet(0, small_leaves);
            check(result == small_leaves * (small_leaves - 1) / 2, skynet_row);
        };
        constexpr double scale = static_cast<double>(skynet_leaves) / static_cast<double>(small_leaves);
        time_each(3, once, [&](double ms, double) { write(skynet_row, "ms", ms * scale); });
    });
    add_loop_case(all, name, saxpy_row, 15, [] {
        const float* const x = halves().data();
        float* const y = output().data();
        const auto n = static_cast<long>(ten_million);
#pragma omp parallel for simd num_threads(threads) schedule(static)
        for (long i = 0; i < n; ++i)
            y[i] = 2.0f * x[i] + y[i];
    });
    add_loop_case(all, name, heavy_row, 1, [] {
        const float* const x = halves().data();
        float* const y = output().data();
        const auto n = static_cast<long>(ten_million);
#pragma omp parallel for num_threads(threads) schedule(static)
        for (long i = 0; i < n; ++i)
            y[i] = heavy(x[i]);
    });
    add_squares_case(all, name, sum_of_squares);
    add_mandelbrot_case(all, name, [](picture& p) {
#pragma omp parallel for num_threads(threads) schedule(dynamic)
        for (int y = 0; y < picture::height; ++y)
            p.row(y);
    });
    add_sort_case(all, name, [](std::vector<float>& values) {
        omp_set_num_threads(threads);
        __gnu_parallel::sort(values.begin(), values.end());
    });
}

} // namespace bench
