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

// The best of several runs, wall and CPU time apart: on a machine with other work the latter says more.
class cost {
public:
    double wall_ms = 1e300;
    double cpu_ms = 1e300; // of all threads

    void print(const char* what, double per = 1, const char* unit = "ms") const {
        std::printf("%s%.2f %s (CPU %.2f)", what, wall_ms * per, unit, cpu_ms * per);
    }
};

template <class F>
void measure(cost& best, F f) {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    f();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    best.cpu_ms = std::min(best.cpu_ms, static_cast<double>(std::clock() - cpu) * 1e3 / CLOCKS_PER_SEC);
    best.wall_ms = std::min(best.wall_ms, took.count());
}

template <class F>
cost best_of(int runs, F f) {
    cost best;
    for (int i = 0; i < runs; ++i)
        measure(best, f);
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
    const cost best = best_of(10, [&] {
        long result = 0;
        tandem::parallel_invoke(pool, [&] { result = fib(pool, n); });
        check(result == 2178309);
    });
    std::printf("fib(%d) without cut-off, %zu workers: ", n, pool.workers());
    best.print("", 1e6 / count, "ns per fork");
    std::puts("");
}

// Every figure beside that of one worker with the same inner loop, which shows what the memory allows.
void loops(thread_pool& pool) {
    constexpr std::size_t n = 10'000'000;
    std::vector<float> values(n, 0.5f);
    std::vector<float> result(n, 1.0f);
    thread_pool single(1);
    auto squares = [&](thread_pool& on, const tandem::parallel_options& options) {
        return best_of(30, [&] {
            const float sum = tandem::parallel_reduce(
                on, values, 0.0f, std::plus<>(), [](float x) { return x * x; }, options);
            check(sum == 0.25f * n);
        });
    };
    const tandem::parallel_options plain;
    squares(pool, plain).print("sum of squares of 10 M floats: ");
    squares(single, plain).print(", one worker ");
    squares(pool, tandem::parallel_options().deterministic(true)).print(", deterministic ");
    std::puts("");

    auto saxpy = [&](thread_pool& on) {
        return best_of(30, [&] {
            auto step = [x = values.data(), y = result.data()](std::size_t i) { y[i] = 2.0f * x[i] + y[i]; };
            tandem::parallel_for(on, std::size_t{0}, n, step);
        });
    };
    saxpy(pool).print("saxpy of 10 M floats: ");
    saxpy(single).print(", one worker ");
    std::puts("");

    std::vector<int> tiny(2, 1);
    constexpr int rounds = 100'000;
    auto tiny_loops = [&] {
        for (int i = 0; i < rounds; ++i)
            tandem::parallel_for_each(pool, tiny, [](int& v) { ++v; });
    };
    best_of(5, [&] {
        pool.submit(std::ref(tiny_loops)).get();
    }).print("a loop over two elements, from a worker: ", 1e6 / rounds, "ns");
    std::puts("");
}

void sorts(thread_pool& pool) {
    std::vector<float> original(10'000'000);
    std::mt19937 random(1);
    for (float& v : original)
        v = static_cast<float>(random());
    std::vector<float> values;
    auto time = [&](auto sort) {
        cost best;
        for (int i = 0; i < 3; ++i) {
            values = original;
            measure(best, sort);
            check(std::is_sorted(values.begin(), values.end()));
        }
        return best;
    };
    thread_pool single(1);
    time([&] { tandem::parallel_sort(pool, values); }).print("sort of 10 M floats: ");
    time([&] { tandem::parallel_sort(single, values); }).print(", one worker ");
    time([&] { std::sort(values.begin(), values.end()); }).print(", std::sort ");
    std::puts("");
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
