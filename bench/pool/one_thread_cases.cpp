// The same work on one thread without any toolkit, and what the memory gives to bare threads.
#include "bench/pool/data_cases.hpp"

#include <atomic>
#include <barrier>
#include <thread>

namespace bench {

namespace {

constexpr const char* name = "one thread";

[[gnu::noinline]] long fib(int n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

long skynet(long first, long count) {
    if (count == 1) return first;
    long sum = 0;
    for (long i = 0; i < 10; ++i)
        sum += skynet(first + i * (count / 10), count / 10);
    return sum;
}

float sum_of_squares(const float* first, std::size_t count) {
    constexpr std::size_t lanes = 32;
    float lane[lanes] = {};
    check(count % lanes == 0, squares_row);
    for (const float* const last = first + count; first != last; first += lanes)
        for (std::size_t k = 0; k < lanes; ++k)
            lane[k] += first[k] * first[k];
    float sum = 0;
    for (const float l : lane)
        sum += l;
    return sum;
}

// The sum of squares on threads that only wait for each other at a barrier: no scheduler can be faster than
// the slower of the two.
void bare_threads(const note& write) {
    constexpr int runs = 15;
    std::vector<double> took;
    std::atomic<float> sum{0};
    std::barrier both(workers);
    const auto work = [&](std::size_t index) {
        const std::size_t share = ten_million / workers;
        for (int i = 0; i < runs; ++i) {
            both.arrive_and_wait();
            const stopwatch watch;
            const float mine = sum_of_squares(halves().data() + index * share, share);
            sum.store(sum.load() + mine);
            both.arrive_and_wait();
            if (index == 0) took.push_back(watch.wall_ns() / 1e6);
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < workers; ++i)
        threads.emplace_back(work, i);
    work(0);
    for (std::thread& thread : threads)
        thread.join();
    for (const double ms : took)
        write(squares_row, "ms", ms);
    check(sum.load() > 0, squares_row);
}

} // namespace

long mandelbrot_sum() {
    static const long sum = [] {
        picture p;
        for (int y = 0; y < picture::height; ++y)
            p.row(y);
        return p.sum();
    }();
    return sum;
}

void add_one_thread_cases(cases& all) {
    add_fib_case(all, name, fib);
    add_skynet_case(all, name, skynet);
    add_loop_case(all, name, saxpy_row, 15, [] {
        const float* const x = halves().data();
        float* const y = output().data();
        for (std::size_t i = 0; i < ten_million; ++i)
            y[i] = 2.0f * x[i] + y[i];
    });
    add_loop_case(all, name, heavy_row, 1, [] {
        const float* const x = halves().data();
        float* const y = output().data();
        for (std::size_t i = 0; i < ten_million; ++i)
            y[i] = heavy(x[i]);
    });
    add_squares_case(all, name, [] { return sum_of_squares(halves().data(), ten_million); });
    add_mandelbrot_case(all, name, [](picture& p) {
        for (int y = 0; y < picture::height; ++y)
            p.row(y);
    });
    add_sort_case(all, name, [](std::vector<float>& values) { std::sort(values.begin(), values.end()); });
    all.emplace_back(squares_row, "bare threads", bare_threads);
}

} // namespace bench
