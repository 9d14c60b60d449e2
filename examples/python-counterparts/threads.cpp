// threading.Thread and a program of threads without any loop.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <thread>
#include <vector>

// Python:  thread = threading.Thread(target=work, args=(7,)); thread.start(); thread.join()
// std::jthread joins itself. tandem has threads of its own only for computing (thread_pool).
void thread() {
    int result = 0;
    {
        const std::jthread worker([&result](int x) { result = x * x; }, 7);
    }
    expect(result == 49);
}

// Python:  threading.Thread(target=work, daemon=True)
// None: a thread that outlives what it uses is a crash in C++. A pool's jobs are waited for.
void daemon() {
    int done = 0;
    {
        tandem::thread_pool pool(1);
        pool.post([&done] { ++done; });
        pool.drain();
    }
    expect(done == 1);
}

// Python:  results = [None] * 2; threads fill it; each is joined
void results() {
    tandem::thread_pool pool(2);
    std::vector<tandem::future<int>> futures;
    for (int x = 1; x <= 3; ++x)
        futures.push_back(pool.submit([](int y) { return y * y; }, x));
    int sum = 0;
    for (auto& future : futures)
        sum += future.get();
    expect(sum == 14);
}

// Python:  asyncio primitives belong to one loop, threading's to no loop
// One set of primitives for both: a thread without a loop waits with block_on.
void one_set() {
    tandem::latch ready(3);
    std::vector<std::jthread> workers;
    for (int i = 0; i < 3; ++i)
        workers.emplace_back([&ready] { ready.count_down(); });
    tandem::block_on(ready.wait());
    expect(ready.try_wait());
}

int main() {
    thread();
    daemon();
    results();
    one_set();
}
