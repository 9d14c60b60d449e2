#include "bench/pool/data_cases.hpp"
#include "bench/pool/queue_cases.hpp"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_reduce.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <algorithm>
#include <array>
#include <execution>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <utility>

namespace bench {

namespace {

// Worker threads for what is enqueued, beside the main thread, which takes part in what it waits for.
void allow_threads() {
    static const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism, workers + 1);
}

class toolkit {
public:
    static constexpr const char* name = "oneTBB";

    toolkit() { allow_threads(); }

    template <class F>
    void post(F f) {
        arena_.enqueue(std::move(f));
    }
    template <class F>
    auto submit(F f) {
        const auto promise = std::make_shared<std::promise<int>>();
        auto future = promise->get_future();
        arena_.enqueue([promise, f] { promise->set_value(f()); });
        return future;
    }

private:
    tbb::task_arena arena_{static_cast<int>(workers), 0}; // no slot is kept for the main thread
};

// The main thread and one worker.
template <class F>
void in_arena(F f) {
    allow_threads();
    static tbb::task_arena arena{static_cast<int>(workers)};
    arena.execute(std::move(f));
}

long fib(int n) {
    if (n < 2) return n;
    long a = 0;
    tbb::task_group group;
    group.run([&a, n] { a = fib(n - 1); });
    const long b = fib(n - 2);
    group.wait();
    return a + b;
}

long skynet(long first, long count) {
    if (count == 1) return first;
    std::array<long, 10> sums{};
    tbb::task_group group;
    for (std::size_t i = 0; i < 9; ++i)
        group.run([&sums, first, count, i] {
            sums[i] = skynet(first + static_cast<long>(i) * (count / 10), count / 10);
        });
    sums[9] = skynet(first + 9 * (count / 10), count / 10);
    group.wait();
    long sum = 0;
    for (const long s : sums)
        sum += s;
    return sum;
}

using span = tbb::blocked_range<std::size_t>;

float sum_of_squares() {
    return tbb::parallel_reduce(
        span(0, ten_million), 0.0f,
        [x = halves().data()](const span& piece, float sum) {
            constexpr std::size_t lanes = 32; // what tandem's reduction does, and -ffast-math would
            float lane[lanes] = {};
            std::size_t i = piece.begin();
            for (; i + lanes <= piece.end(); i += lanes)
                for (std::size_t k = 0; k < lanes; ++k)
                    lane[k] += x[i + k] * x[i + k];
            for (; i < piece.end(); ++i)
                sum += x[i] * x[i];
            for (const float l : lane)
                sum += l;
            return sum;
        },
        [](float a, float b) { return a + b; });
}

template <class Body>
void loop(Body body) {
    tbb::parallel_for(span(0, ten_million), [body](const span& piece) {
        for (std::size_t i = piece.begin(); i < piece.end(); ++i)
            body(i);
    });
}

} // namespace

void add_tbb_cases(cases& all) {
    const char* const name = toolkit::name;
    add_queue_cases<toolkit>(all, 300'000, 10'000);
    add_fib_case(all, name, [](int n) {
        long result = 0;
        in_arena([&] { result = fib(n); });
        return result;
    });
    add_skynet_case(all, name, [](long first, long count) {
        long result = 0;
        in_arena([&] { result = skynet(first, count); });
        return result;
    });
    add_loop_case(all, name, saxpy_row, 15, [] {
        in_arena([] {
            loop([x = halves().data(), y = output().data()](std::size_t i) { y[i] = 2.0f * x[i] + y[i]; });
        });
    });
    add_loop_case(all, name, heavy_row, 1, [] {
        in_arena(
            [] { loop([x = halves().data(), y = output().data()](std::size_t i) { y[i] = heavy(x[i]); }); });
    });
    add_squares_case(all, name, [] {
        float sum = 0;
        in_arena([&] { sum = sum_of_squares(); });
        return sum;
    });
    add_mandelbrot_case(all, name, [](picture& p) {
        in_arena([&p] { tbb::parallel_for(0, picture::height, [&p](int y) { p.row(y); }); });
    });
    add_sort_case(all, name, [](std::vector<float>& values) {
        in_arena([&values] { tbb::parallel_sort(values.begin(), values.end()); });
    });
    add_sort_case(all, "std::par", [](std::vector<float>& values) {
        in_arena([&values] { std::sort(std::execution::par, values.begin(), values.end()); });
    });
    add_squares_case(all, "std::par", [] {
        float sum = 0;
        in_arena([&sum] {
            sum = std::transform_reduce(std::execution::par_unseq, halves().begin(), halves().end(), 0.0f,
                                        std::plus<>(), [](float x) { return x * x; });
        });
        return sum;
    });
}

} // namespace bench
