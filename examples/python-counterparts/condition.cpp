// asyncio.Condition and threading.Condition.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <thread>
#include <vector>

// Python:  async with condition:
//              await condition.wait_for(lambda: len(jobs) >= 2)
//          async with condition:
//              jobs.append(1); condition.notify_all()
// Mutex and condition are two objects, so several conditions may share a mutex. After a cancellation the
// mutex is held again, and a notification that was meant for the cancelled waiter goes to the next one.
tandem::task<> wait_for() {
    tandem::mutex mutex;
    tandem::condition_variable changed;
    std::vector<int> jobs;
    const auto consume = [&]() -> tandem::task<> {
        auto guard = co_await mutex.lock();
        co_await changed.wait(guard, [&jobs] { return jobs.size() >= 2; });
        expect(guard.holds(mutex) && jobs.size() == 2);
    };
    const auto produce = [&]() -> tandem::task<> {
        for (int job = 0; job < 2; ++job) {
            const auto guard = co_await mutex.lock();
            jobs.push_back(job);
            changed.notify_all(); // or notify_one, as condition.notify()
        }
    };
    co_await tandem::when_all(consume(), produce());
}

// Python:  with condition: condition.wait_for(lambda: ready)
void threading_condition() {
    tandem::mutex mutex;
    tandem::condition_variable changed;
    bool ready = false;
    const std::jthread other([&] {
        const auto guard = tandem::block_on(mutex.lock());
        ready = true;
        changed.notify_one();
    });
    auto guard = tandem::block_on(mutex.lock());
    tandem::block_on(changed.wait(guard, [&ready] { return ready; }));
    expect(ready);
    guard.release();
}

// Python:  no counterpart: a value whose changes are waited for, without a lock
tandem::task<> watch() {
    tandem::watch<int> level(0);
    auto view = level.subscribe();
    level.set(1);
    level.set(2);
    const bool changed = co_await view.changed();
    expect(changed && view.get() == 2); // the latest, never an old one
}

tandem::task<> all() {
    co_await wait_for();
    co_await watch();
}

int main() {
    threading_condition();
    return tandem::run(all);
}
