#include "bench/pool/data_cases.hpp"
#include "bench/pool/queue_cases.hpp"

#include <tandem/parallelism/fork_join.hpp>
#include <tandem/parallelism/parallel_for.hpp>
#include <tandem/parallelism/parallel_reduce.hpp>
#include <tandem/parallelism/parallel_sort.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <array>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <sched.h>

namespace bench {

namespace {

using tandem::thread_pool;

class toolkit {
public:
    static constexpr const char* name = "tandem";

    template <class F>
    void post(F f) {
        pool_.post(std::move(f));
    }
    template <class F>
    auto submit(F f) {
        return pool_.submit(std::move(f));
    }

private:
    thread_pool pool_{workers};
};

// One pool for all of the data-parallel cases; its threads sleep in between.
thread_pool& shared_pool() {
    static thread_pool pool(workers);
    return pool;
}

std::vector<int> usable_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> found;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) return found;
    for (int i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &set)) found.push_back(i);
    return found;
}

// Each worker on a processor of its own: the system sometimes wakes both on the same one, and lets them take
// turns there while the other is idle, longer than a loop of a millisecond lasts.
thread_pool& pinned_pool() {
    static thread_pool pool(tandem::thread_pool_options().workers(workers).cpus(usable_processors()));
    return pool;
}

// Jobs that live in memory of the caller's: what a library on top of the pool pays for one.
void intrusive_jobs(const note& write) {
    class job : public tandem::pool_job {
    public:
        job() : pool_job([](pool_job&, bool) noexcept { tally::add(); }) {}
    };
    constexpr std::size_t count = 300'000;
    thread_pool pool(workers);
    const std::unique_ptr<job[]> jobs = std::make_unique<job[]>(count);
    for (int round = 0; round < 2; ++round) { // the first warms up
        const tally done;
        const stopwatch watch;
        for (std::size_t i = 0; i < count; ++i)
            pool.submit(jobs[i]);
        done.wait_for(count);
        if (round == 1)
            write("submit, 1 producer, an intrusive job", "ns", watch.wall_ns() / static_cast<double>(count));
    }
}

long fib(thread_pool& pool, int n) {
    if (n < 2) return n;
    long a = 0;
    long b = 0;
    tandem::parallel_invoke(pool, [&] { a = fib(pool, n - 1); }, [&] { b = fib(pool, n - 2); });
    return a + b;
}

long skynet(thread_pool& pool, long first, long count) {
    if (count == 1) return first;
    std::array<long, 10> sums{};
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        tandem::parallel_invoke(pool, [&] {
            sums[I] = skynet(pool, first + static_cast<long>(I) * (count / 10), count / 10);
        }...);
    }(std::make_index_sequence<10>());
    long sum = 0;
    for (const long s : sums)
        sum += s;
    return sum;
}

float sum_of_squares(thread_pool& pool, const tandem::parallel_options& options) {
    return tandem::parallel_reduce(
        pool, halves(), 0.0f, std::plus<>(), [](float x) { return x * x; }, options);
}

} // namespace

void add_tandem_cases(cases& all) {
    const char* const name = toolkit::name;
    add_queue_cases<toolkit>(all, 300'000, 10'000);
    all.emplace_back("submit, 1 producer", name, intrusive_jobs);

    add_fib_case(all, name, [](int n) {
        long result = 0;
        thread_pool& pool = shared_pool();
        tandem::parallel_invoke(pool, [&] { result = fib(pool, n); });
        return result;
    });
    add_skynet_case(all, name, [](long first, long count) {
        long result = 0;
        thread_pool& pool = shared_pool();
        tandem::parallel_invoke(pool, [&] { result = skynet(pool, first, count); });
        return result;
    });
    add_loop_case(all, name, saxpy_row, 15, [] {
        tandem::parallel_for(
            shared_pool(), std::size_t{0}, ten_million,
            [x = halves().data(), y = output().data()](std::size_t i) { y[i] = 2.0f * x[i] + y[i]; });
    });
    add_loop_case(all, name, heavy_row, 1, [] {
        tandem::parallel_for(
            shared_pool(), std::size_t{0}, ten_million,
            [x = halves().data(), y = output().data()](std::size_t i) { y[i] = heavy(x[i]); });
    });
    add_squares_case(all, name, [] { return sum_of_squares(shared_pool(), tandem::parallel_options()); });
    all.emplace_back(squares_row, name, [](const note& write) {
        const auto fixed = tandem::parallel_options().deterministic(true);
        time_each(
            15, [&] { check(sum_of_squares(shared_pool(), fixed) > 0, squares_row); },
            [&](double ms, double) { write("sum of squares, in a fixed order", "ms", ms); });
        if (usable_processors().size() < workers) return;
        time_each(
            15, [&] { check(sum_of_squares(pinned_pool(), {}) > 0, squares_row); },
            [&](double ms, double) { write("sum of squares, pinned workers", "ms", ms); });
    });
    add_mandelbrot_case(all, name, [](picture& p) {
        tandem::parallel_for(shared_pool(), 0, picture::height, [&p](int y) { p.row(y); });
    });
    add_sort_case(all, name,
                  [](std::vector<float>& values) { tandem::parallel_sort(shared_pool(), values); });
}

} // namespace bench
