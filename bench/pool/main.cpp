// Figures of the companion pool: fork-join and parallel loops, each the best of several runs.
#include <tandem/parallelism/fork_join.hpp>
#include <tandem/parallelism/parallel_for.hpp>
#include <tandem/parallelism/parallel_reduce.hpp>
#include <tandem/parallelism/parallel_sort.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <thread>
#include <vector>

namespace {

using tandem::thread_pool;

long fib(thread_pool& pool, int n) {
    if (n < 2) return n;
    long a = 0;
    long b = 0;
    tandem::parallel_invoke(pool, [&] { a = fib(pool, n - 1); }, [&] { b = fib(pool, n - 2); });
    return a + b;
}

template <class F>
double best_ms(int runs, F f) {
    double best = 1e300;
    for (int i = 0; i < runs; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        f();
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
        best = std::min(best, took.count());
    }
    return best;
}

void check(bool ok) {
    if (ok) return;
    std::fputs("wrong result\n", stderr);
    std::exit(1);
}

void forks(thread_pool& pool) {
    constexpr int n = 32;
    constexpr double count = 3524577; // calls that fork: fib(33) - 1
    double cpu_ms = 1e300;
    const double ms = best_ms(10, [&] {
        const std::clock_t begin = std::clock();
        long result = 0;
        tandem::parallel_invoke(pool, [&] { result = fib(pool, n); });
        check(result == 2178309);
        cpu_ms = std::min(cpu_ms, static_cast<double>(std::clock() - begin) * 1e3 / CLOCKS_PER_SEC);
    });
    std::printf("fib(%d) without cut-off, %zu workers: %.1f ms, %.2f ns per fork, %.2f ns of CPU time\n", n,
                pool.workers(), ms, ms * 1e6 / count, cpu_ms * 1e6 / count);
}

// Every figure beside that of one thread with the same inner loop, which shows what the memory allows.
void loops(thread_pool& pool) {
    constexpr std::size_t n = 10'000'000;
    std::vector<float> values(n, 0.5f);
    std::vector<float> result(n, 1.0f);
    thread_pool single(1);
    auto square = [](float x) { return x * x; };
    float sum = 0;
    auto squares = [&](thread_pool& on) {
        return best_ms(30, [&] { sum = tandem::parallel_reduce(on, values, 0.0f, std::plus<>(), square); });
    };
    std::printf("sum of squares of 10 M floats: %.2f ms, one worker %.2f ms", squares(pool), squares(single));
    check(sum == 0.25f * n);
    const auto fixed = tandem::parallel_options().deterministic(true);
    std::printf(", deterministic %.2f ms", best_ms(30, [&] {
                    sum = tandem::parallel_reduce(pool, values, 0.0f, std::plus<>(), square, fixed);
                }));
    check(sum == 0.25f * n);
    auto saxpy = [&](thread_pool& on) {
        return best_ms(30, [&] {
            tandem::parallel_for(
                on, std::size_t{0}, n,
                [x = values.data(), y = result.data()](std::size_t i) { y[i] = 2.0f * x[i] + y[i]; });
        });
    };
    std::printf("\nsaxpy of 10 M floats: %.2f ms, one worker %.2f ms\n", saxpy(pool), saxpy(single));
    std::vector<int> tiny(2, 1);
    constexpr int rounds = 100'000;
    const double ms = best_ms(5, [&] {
        pool.submit([&] {
                for (int i = 0; i < rounds; ++i)
                    tandem::parallel_for_each(pool, tiny, [](int& v) { ++v; });
            })
            .get();
    });
    std::printf("a loop of two tiny elements, from a worker: %.0f ns\n", ms * 1e6 / rounds);
}

void sorts(thread_pool& pool) {
    std::vector<float> original(10'000'000);
    std::mt19937 random(1);
    for (float& v : original)
        v = static_cast<float>(random());
    std::vector<float> values;
    auto time = [&](auto sort) {
        double best = 1e300;
        for (int i = 0; i < 3; ++i) {
            values = original;
            best = std::min(best, best_ms(1, sort));
            check(std::is_sorted(values.begin(), values.end()));
        }
        return best;
    };
    thread_pool single(1);
    std::printf("sort of 10 M floats: %.0f ms", time([&] { tandem::parallel_sort(pool, values); }));
    std::printf(", one worker %.0f ms", time([&] { tandem::parallel_sort(single, values); }));
    std::printf(", std::sort %.0f ms\n", time([&] { std::sort(values.begin(), values.end()); }));
}

} // namespace

int main() {
    thread_pool two(2);
    forks(two);
    loops(two);
    sorts(two);
    thread_pool one(1);
    forks(one);
}
