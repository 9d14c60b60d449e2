// asyncio.Semaphore and BoundedSemaphore; threading's of the same names.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <algorithm>
#include <utility>
#include <vector>

// Python:  async with semaphore: ...
tandem::task<> asyncio_semaphore() {
    tandem::semaphore slots(2);
    int inside = 0, most = 0;
    const auto enter = [&]() -> tandem::task<> {
        const auto permit = co_await slots.acquire();
        most = std::max(most, ++inside);
        co_await tandem::yield();
        --inside;
    };
    std::vector<tandem::task<>> tasks;
    for (int i = 0; i < 6; ++i)
        tasks.push_back(enter());
    co_await tandem::when_all(std::move(tasks));
    expect(most == 2 && slots.available() == 2);
}

// Python:  BoundedSemaphore: ValueError for a release too many
// A permit gives itself back once, so there is nothing to check: releasing twice does nothing.
tandem::task<> bounded() {
    tandem::semaphore slots(1);
    auto permit = co_await slots.acquire();
    permit.release();
    permit.release();
    expect(slots.available() == 1);
}

// Python:  semaphore.acquire(blocking=False); and none for several permits at once
tandem::task<> several() {
    tandem::semaphore megabytes(8);
    const auto most = co_await megabytes.acquire(6); // all or none
    expect(most.count() == 6 && !megabytes.try_acquire(3));
}

// Python:  semaphore = threading.Semaphore(1); with semaphore: ...
void threading_semaphore() {
    tandem::semaphore slots(1);
    const auto permit = tandem::block_on(slots.acquire());
    expect(!slots.try_acquire());
}

tandem::task<> all() {
    co_await asyncio_semaphore();
    co_await bounded();
    co_await several();
}

int main() {
    threading_semaphore();
    return tandem::run(all);
}
