// concurrent.futures: submit, result, cancel, map, as_completed, shutdown.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <algorithm>
#include <future>
#include <latch>
#include <stdexcept>
#include <utility>
#include <vector>

int square(int x) {
    return x * x;
}
int fail(int) {
    throw std::runtime_error("no");
}

// Python:  with ThreadPoolExecutor(2) as pool:
//              future = pool.submit(square, 7)
//              future.result(); future.done()
// For a plain thread. A task awaits `offload(pool, square, 7)` instead: it can be cancelled, timed out,
// raced.
void submit() {
    tandem::thread_pool pool(2);
    std::future<int> future = pool.submit(square, 7);
    expect(future.get() == 49);

    auto failing = pool.submit(fail, 1);
    bool thrown = false;
    try {
        failing.get(); // future.exception()
    } catch (const std::runtime_error&) {
        thrown = true;
    }
    expect(thrown);
} // the pool ends: `with` in Python

tandem::task<int> square_on_pool(int x) {
    co_return co_await tandem::offload(square, x);
}

// Python:  results = list(pool.map(square, numbers))
tandem::task<> map() {
    const std::vector<int> numbers{1, 2, 3, 4};
    const auto results = co_await tandem::concurrent_map(numbers, 2, square_on_pool);
    expect(results == std::vector{1, 4, 9, 16});
}

// Python:  for future in concurrent.futures.as_completed(futures): future.result()
tandem::task<> as_completed() {
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

// Python:  future.cancel()                     # True while it is queued
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
    busy.get();
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
    } catch (const std::runtime_error&) {
        refused = true;
    }
    expect(future.get() == 9 && refused);
}

tandem::task<> all() {
    co_await map();
    co_await as_completed();
    co_await cancel();
}

int main() {
    submit();
    shutdown();
    return tandem::run(all);
}
