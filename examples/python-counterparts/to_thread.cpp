// asyncio.to_thread and loop.run_in_executor.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <cstdint>
#include <latch>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

std::uint64_t sum(std::vector<std::uint64_t> numbers) {
    std::uint64_t total = 0;
    for (const std::uint64_t n : numbers)
        total += n;
    return total;
}

// Python:  total = await asyncio.to_thread(sum, numbers)
// The pool is as wide as the machine and there is no global lock, so it is for computing, too.
tandem::task<> to_thread() {
    std::vector<std::uint64_t> numbers{1, 2, 3};
    const std::uint64_t total = co_await tandem::offload(sum, std::move(numbers));
    expect(total == 6);

    bool thrown = false;
    const auto fail = [] { throw std::runtime_error("no"); };
    try {
        co_await tandem::offload(fail);
    } catch (const std::runtime_error&) {
        thrown = true; // comes back here, as in Python
    }
    expect(thrown);
}

// Python:  with ThreadPoolExecutor(2) as pool:
//              here = await loop.run_in_executor(pool, threading.get_ident)
tandem::task<> run_in_executor() {
    tandem::thread_pool pool(tandem::thread_pool_options().workers(2).name("files"));
    const auto there = co_await tandem::offload(pool, [&pool] { return pool.on_worker(); });
    expect(there && !pool.on_worker()); // the task goes on on its own loop
}

// Python:  call = create_task(asyncio.to_thread(compute)); call.cancel()    # compute() runs on, unheard
// A call that takes a std::stop_token is told, and the task waits until it has really ended: what it refers
// to is still there. What it returns is not lost.
tandem::task<> cancel_running() {
    tandem::event begun;
    bool stopped = false;
    const auto compute = [&](std::stop_token stop) {
        begun.set();
        while (!stop.stop_requested())
            std::this_thread::sleep_for(1ms);
        stopped = true;
        return 7;
    };
    auto race = co_await tandem::when_any(tandem::offload(compute), begun.wait());
    expect(stopped && race.get<0>().value() == 7);
}

// Python:  the same: in Python nothing else is possible
// `abandon`: the task does not wait. The call goes on unheard (told by its token, if it takes one), so it has
// to own all that it uses.
tandem::task<> cancel_without_waiting() {
    std::latch release(1);
    tandem::event begun;
    const auto compute = [&] {
        begun.set();
        release.wait();
    };
    tandem::thread_pool pool(1);
    auto race = co_await tandem::when_any(tandem::offload(tandem::abandon, pool, compute), begun.wait());
    expect(race.get<0>().cancelled());
    release.count_down();
} // the pool waits for the call

// Python:  future = loop.run_in_executor(pool, f); future.cancel()      # while it is queued
tandem::task<> cancel_queued() {
    std::latch release(1);
    bool called = false;
    tandem::thread_pool pool(1);
    pool.post([&release] { release.wait(); }); // holds the only worker
    const bool in_time =
        co_await tandem::move_on_after(2ms, tandem::offload(pool, [&called] { called = true; }));
    release.count_down();
    pool.drain();
    expect(!in_time && !called);
}

tandem::task<> all() {
    co_await to_thread();
    co_await run_in_executor();
    co_await cancel_running();
    co_await cancel_without_waiting();
    co_await cancel_queued();
}

int main() {
    return tandem::run(all);
}
