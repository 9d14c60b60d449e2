// multiprocessing.Pool's map and reduce, joblib.Parallel, numba's prange, and numpy on all cores.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

long square(int x) {
    return long{x} * x;
}

std::vector<int> first_numbers(std::size_t count) {
    std::vector<int> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
}

// Python:  with multiprocessing.Pool() as pool: squares = pool.map(square, numbers)
// Threads of one process: nothing is pickled, `square` may be any callable, and it sees the same memory.
void pool_map() {
    tandem::thread_pool pool;
    const auto numbers = first_numbers(10'000);
    std::vector<long> squares(numbers.size());
    tandem::parallel_transform(pool, numbers, squares.begin(), square);
    expect(squares[7] == 49 && squares[9'999] == 99'980'001);
}

// Python:  squares = await loop.run_in_executor(None, pool.map, square, numbers)
// In a task: on the companion pool, while the loop goes on.
tandem::task<> pool_map_in_a_task() {
    const auto numbers = first_numbers(10'000);
    std::vector<long> squares(numbers.size());
    co_await tandem::parallel_transform(numbers, squares.begin(), square);
    expect(squares[9'999] == 99'980'001);
}

// Python:  pool.map raises what a call raised; the others run on
// The first exception arrives when all calls have ended; those not begun are left out.
void pool_map_failure() {
    tandem::thread_pool pool(2);
    const auto numbers = first_numbers(1'000'000);
    std::atomic<int> calls = 0;
    bool thrown = false;
    try {
        tandem::parallel_for_each(pool, numbers, [&calls](int) {
            ++calls;
            throw std::runtime_error("no");
        });
    } catch (const std::runtime_error&) {
        thrown = true;
    }
    expect(thrown && calls <= 2); // one for each worker
}

// Python:  functools.reduce(operator.add, pool.map(square, numbers))
// Without the list in between, and the sums are taken in parallel, too.
void pool_reduce() {
    tandem::thread_pool pool;
    const auto numbers = first_numbers(1'000);
    const long sum = tandem::parallel_reduce(pool, numbers, 0L, std::plus<>(), square);
    expect(sum == 332'833'500);
    // What is no number keeps its order: no need to be commutative.
    const std::vector<std::string> words{"in", " ", "tan", "dem"};
    expect(tandem::parallel_reduce(pool, words, std::string(), std::plus<>()) == "in tandem");
}

// Python:  Parallel(n_jobs=2, batch_size=100)(delayed(square)(x) for x in numbers)
// batch_size="auto", the default of both, measures; here work is split while a thread has nothing to do.
void joblib_parallel() {
    tandem::thread_pool pool(2);
    const auto numbers = first_numbers(1'000);
    std::vector<long> squares(numbers.size());
    tandem::parallel_transform(pool, numbers, squares.begin(), square, tandem::parallel_options().grain(100));
    expect(squares[999] == 998'001);
}

// Python:  Parallel inside Parallel runs one after the other, or with too many processes
// Loops nest: a thread that waits for the inner loop takes part in it.
void nested() {
    tandem::thread_pool pool(2);
    std::vector<std::size_t> cells(std::size_t{20} * 30);
    tandem::parallel_for(pool, std::size_t{0}, std::size_t{20}, [&](std::size_t row) {
        tandem::parallel_for(pool, std::size_t{0}, std::size_t{30},
                             [&](std::size_t column) { cells[row * 30 + column] = row * column; });
    });
    expect(cells[3 * 30 + 7] == 21 && cells[19 * 30 + 29] == 551);
}

// Python:  @njit(parallel=True)
//          for i in prange(n): out[i] = 2 * x[i]
void prange() {
    tandem::thread_pool pool;
    const auto x = first_numbers(100'000);
    std::vector<int> out(x.size());
    tandem::parallel_for(pool, std::size_t{0}, x.size(), [&](std::size_t i) { out[i] = 2 * x[i]; });
    expect(out[99'999] == 199'998);
}

// Python:  for i in prange(n): total += x[i] * x[i]
// numba makes a reduction of the `+=`; here it has a name (a shared variable would be a race). The grouping
// of floating-point sums depends on the timing in both; `deterministic` fixes it.
void prange_sum() {
    const std::vector<double> x(100'003, 0.1);
    const auto sum_with = [&x](std::size_t workers) {
        tandem::thread_pool pool(workers);
        return tandem::parallel_reduce(
            pool, x, 0.0, std::plus<>(), [](double value) { return value * value; },
            tandem::parallel_options().deterministic(true));
    };
    const double total = sum_with(1);
    expect(total > 1'000.029 && total < 1'000.031);
    expect(sum_with(2) == total && sum_with(3) == total); // to the bit
}

// Python:  values.sort() of numpy: one core
void numpy_sort() {
    tandem::thread_pool pool;
    auto values = first_numbers(50'000);
    std::ranges::reverse(values);
    tandem::parallel_sort(pool, values);
    expect(std::ranges::is_sorted(values));
}

// Python:  numpy.cumsum(values)
void numpy_cumsum() {
    tandem::thread_pool pool;
    const std::vector<int> counts{3, 1, 4};
    std::vector<int> ends(counts.size());
    tandem::parallel_scan(pool, counts, ends.begin(), 0);
    expect(ends == std::vector{3, 4, 8});
}

// Python:  for page in tqdm(pool.imap_unordered(parse, pages), total=len(pages)): ...
// The bar shows itself at most ten times in a second and at the end, whatever the loop; here each element.
void tqdm() {
    tandem::thread_pool pool;
    tandem::progress bar;
    std::vector<std::string> shown;
    bar.on_change([&shown](const tandem::progress::snapshot& now) { shown.push_back(now.bar(10)); },
                  std::chrono::seconds(0));
    tandem::parallel_for(pool, 0, 50, [](int) {}, tandem::parallel_options().progress(bar));
    expect(bar.now().done() == 50 && bar.now().total() == 50);
    expect(shown.back() == "[##########] 100 %, 0 s left");
}

// Python:  for result in pool.imap(parse, lines, chunksize=1): table.append(result)
// What is read, parsed and kept at the same time; at most 8 lines are on their way.
void imap() {
    tandem::thread_pool pool;
    int next = 0;
    std::vector<std::size_t> table;
    tandem::pipeline(
        pool, tandem::pipeline_options().tokens(8),
        [&next]() -> std::optional<std::string> {
            if (next == 100) return std::nullopt;
            return std::string(static_cast<std::size_t>(next++), 'x');
        },
        tandem::stage::parallel([](std::string line) { return line.size(); }),
        tandem::stage::in_order([&table](std::size_t size) { table.push_back(size); }));
    expect(table.size() == 100 && table[7] == 7 && std::ranges::is_sorted(table));
}

long sum_of(tandem::thread_pool& pool, std::span<const int> numbers) {
    if (numbers.size() < 1000) return std::accumulate(numbers.begin(), numbers.end(), 0L);
    const std::size_t half = numbers.size() / 2;
    long left = 0;
    long right = 0;
    tandem::parallel_invoke(
        pool, [&] { left = sum_of(pool, numbers.first(half)); },
        [&] { right = sum_of(pool, numbers.subspan(half)); });
    return left + right;
}

// Python:  none: a worker of a ProcessPoolExecutor that waits for another call of it can wait for ever
void divide_and_conquer() {
    tandem::thread_pool pool;
    const auto numbers = first_numbers(50'000);
    expect(sum_of(pool, numbers) == 49'999L * 50'000 / 2);
}

int main() {
    pool_map();
    expect(tandem::run(pool_map_in_a_task) == 0);
    pool_map_failure();
    pool_reduce();
    joblib_parallel();
    nested();
    prange();
    prange_sum();
    numpy_sort();
    numpy_cumsum();
    tqdm();
    imap();
    divide_and_conquer();
}
