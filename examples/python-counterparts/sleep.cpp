// asyncio.sleep, loop.call_soon, call_later and call_at; threading.Timer.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <vector>

using namespace std::chrono_literals;

// Python:  await asyncio.sleep(0.002)
tandem::task<> sleep() {
    const auto before = std::chrono::steady_clock::now();
    co_await tandem::sleep_for(2ms);
    expect(std::chrono::steady_clock::now() - before >= 2ms);
}

// Python:  await asyncio.sleep(0)
// Every other task that is ready runs once.
tandem::task<> sleep_zero(tandem::task_group& group) {
    bool other = false;
    group.spawn([&other]() -> tandem::task<> {
        other = true;
        co_return;
    });
    expect(!other);
    co_await tandem::yield();
    expect(other);
}

// Python:  loop.call_soon(print, "now"); handle = loop.call_later(60, print, "later"); handle.cancel()
//          timer = threading.Timer(60, f); timer.start(); timer.cancel()
// A call some time later is a task that sleeps first; it belongs to a group, by which it is cancelled.
tandem::task<> call_later() {
    std::vector<int> calls;
    const auto later = [&calls](std::chrono::milliseconds delay, int n) -> tandem::task<> {
        co_await tandem::sleep_for(delay);
        calls.push_back(n);
    };
    co_await tandem::with_task_group([&](tandem::task_group& timers) -> tandem::task<> {
        timers.spawn(later, 60s, 3);
        timers.spawn(later, 1ms, 2);
        calls.push_back(1);
        while (calls.size() < 2)
            co_await tandem::sleep_for(1ms);
        timers.cancel();
    });
    expect(calls == std::vector{1, 2});
}

// Python:  while True: tick(); await asyncio.sleep(0.001)       # drifts
tandem::task<> every() {
    int ticks = 0;
    co_await tandem::every(1ms, [&ticks] { return ++ticks < 3; }); // on a grid that does not drift
    expect(ticks == 3);
}

tandem::task<> all() {
    co_await sleep(); // NOLINT(concurrency-mt-unsafe): not the C library's, the one above
    co_await tandem::with_task_group(sleep_zero);
    co_await call_later();
    co_await every();
}

int main() {
    return tandem::run(all);
}
