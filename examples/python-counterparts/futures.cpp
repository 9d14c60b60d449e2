// concurrent.futures: submit, result, cancel, map, wait, as_completed, shutdown.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <algorithm>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

int square(int x) {
    return x * x;
}
int fail(int) {
    throw std::runtime_error("no");
}

// Python:  with ThreadPoolExecutor(2) as pool:
//              future = pool.submit(square, 7)
//              future.result(); future.done(); future.exception()
void submit() {
    tandem::thread_pool pool(2);
    tandem::future<int> future = pool.submit(square, 7);
    expect(future.get() == 49);

    auto failing = pool.submit(fail, 1);
    failing.wait();
    expect(failing.done());
    bool thrown = false;
    try {
        failing.get();
    } catch (const std::runtime_error&) {
        thrown = true;
    }
    expect(thrown);
} // the pool ends: `with` in Python

// Python:  await asyncio.wrap_future(pool.submit(square, 7))
tandem::task<> await_future() {
    tandem::thread_pool pool(1);
    auto future = pool.submit(square, 7);
    const int result = co_await std::move(future);
    expect(result == 49);
}

// Python:  future.result(timeout=0.001)
void result_with_timeout() {
    tandem::thread_pool pool(1);
    std::latch release(1);
    auto future = pool.submit([&release] { release.wait(); });
    expect(!future.wait_for(1ms)); // the call goes on
    release.count_down();
    future.get();
}

// Python:  future.cancel()                     # True while it is queued
void cancel_future() {
    std::latch release(1);
    tandem::thread_pool pool(1);
    auto busy = pool.submit([&release] { release.wait(); });
    auto queued = pool.submit(square, 7);
    expect(queued.cancel() && queued.cancelled());
    release.count_down();
    busy.get();
}

// Python:  future.cancel()                     # False once it runs: it cannot be stopped
void cancel_running_future() {
    tandem::thread_pool pool(1);
    std::latch begun(1);
    auto future = pool.submit([&begun](std::stop_token stop) {
        begun.count_down();
        while (!stop.stop_requested())
            std::this_thread::yield();
    });
    begun.wait();
    expect(!future.cancel()); // but it is told
    future.get();
}

// Python:  for future in concurrent.futures.as_completed(futures): numbers[futures[future]], future.result()
void as_completed_in_a_thread() {
    tandem::thread_pool pool(2);
    const std::vector<int> numbers{4, 5, 6};
    std::vector<tandem::future<int>> futures;
    for (const int x : numbers)
        futures.push_back(pool.submit(square, x));
    for (auto& future : tandem::as_completed(std::move(futures))) {
        const int x = numbers[future.index()];
        expect(future.get() == x * x);
    }
}

// Python:  concurrent.futures.wait(futures)
void wait_for_all() {
    tandem::thread_pool pool(2);
    std::vector<tandem::future<int>> futures;
    for (int x = 1; x <= 3; ++x)
        futures.push_back(pool.submit(square, x));
    tandem::wait_all(futures);
    expect(futures[0].done() && futures[1].done() && futures[2].done());
}

// Python:  pool.apply_async(square, (7,), callback=use, error_callback=complain)   # multiprocessing.Pool
// No callbacks: a task waits and goes on, with the exception as well.
tandem::task<> apply_async() {
    tandem::thread_pool pool(1);
    const int result = co_await tandem::offload(pool, square, 7);
    expect(result == 49);
}

// Python:  for square in pool.imap_unordered(square, numbers)                      # multiprocessing.Pool
void imap_unordered() {
    tandem::thread_pool pool(2);
    std::vector<tandem::future<int>> futures;
    for (int x = 1; x <= 4; ++x)
        futures.push_back(pool.submit(square, x));
    int sum = 0;
    for (auto& future : tandem::as_completed(std::move(futures)))
        sum += future.get();
    expect(sum == 30);
}

// Python:  waiting for a future inside a call of the same pool: a deadlock when all threads do so
// Who waits runs what is queued.
int nested(tandem::thread_pool& pool, int depth) {
    if (depth == 0) return 1;
    auto deeper = pool.submit([&pool, depth] { return nested(pool, depth - 1); });
    return 1 + deeper.get();
}
void wait_inside() {
    tandem::thread_pool pool(1);
    expect(pool.submit([&pool] { return nested(pool, 10); }).get() == 11);
}

tandem::task<int> square_on_pool(int x) {
    co_return co_await tandem::offload(square, x);
}

// Python:  results = list(pool.map(square, numbers))
tandem::task<> map() {
    const std::vector<int> numbers{1, 2, 3, 4};
    const auto results = co_await tandem::concurrent_map(numbers, 2, square_on_pool);
    expect(results == std::vector{1, 4, 9, 16});
}

// Python:  for future in asyncio.as_completed(calls): await future
tandem::task<> as_completed_in_a_task() {
    std::vector<tandem::task<int>> calls;
    for (int x = 1; x <= 4; ++x)
        calls.push_back(square_on_pool(x));
    std::vector<int> results;
    const auto collect = [&results](tandem::completions<int>& done) -> tandem::task<> {
        while (auto next = co_await done.next())
            results.push_back(next->value());
    };
    co_await tandem::as_completed(std::move(calls), 4, collect);
    std::sort(results.begin(), results.end());
    expect(results == std::vector{1, 4, 9, 16});
}

// Python:  call = create_task(to_thread(f)); call.cancel()                         # while it is queued
// The task that waits for the call is cancelled. What is queued is taken back; see cancel_running in
// to_thread.cpp for a call that runs.
tandem::task<> cancel() {
    std::latch release(1);
    tandem::thread_pool pool(1);
    auto busy = pool.submit([&release] { release.wait(); });
    bool called = false;
    const auto at_once = []() -> tandem::task<> { co_return; };
    auto race = co_await tandem::when_any(tandem::offload(pool, [&called] { called = true; }), at_once());
    release.count_down();
    co_await std::move(busy);
    expect(race.get<0>().cancelled() && !called);
}

// Python:  pool.shutdown(wait=True)            # runs what is queued
//          pool.shutdown(cancel_futures=True)  # drops what is queued
void shutdown() {
    tandem::thread_pool pool(1);
    auto future = pool.submit(square, 3);
    pool.drain(); // everything submitted so far has run
    pool.stop();  // nothing more is accepted
    bool refused = false;
    try {
        pool.post([] {});
    } catch (const tandem::pool_stopped&) {
        refused = true;
    }
    expect(future.get() == 9 && refused);
}

tandem::task<> all() {
    co_await map();
    co_await as_completed_in_a_task();
    co_await await_future();
    co_await apply_async();
    co_await cancel();
}

int main() {
    submit();
    result_with_timeout();
    cancel_future();
    cancel_running_future();
    as_completed_in_a_thread();
    wait_for_all();
    imap_unordered();
    wait_inside();
    shutdown();
    return tandem::run(all);
}
