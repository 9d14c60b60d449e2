// Figures of the companion pool: fork-join and parallel loops, each the best of several runs.
#include <tandem/parallelism/fork_join.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

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
    const double ms = best_ms(10, [&] {
        long result = 0;
        tandem::parallel_invoke(pool, [&] { result = fib(pool, n); });
        check(result == 2178309);
    });
    std::printf("fib(%d) without cut-off, %zu workers: %.1f ms, %.2f ns per fork\n", n, pool.workers(), ms,
                ms * 1e6 / count);
}

} // namespace

int main() {
    thread_pool two(2);
    forks(two);
    thread_pool one(1);
    forks(one);
}
