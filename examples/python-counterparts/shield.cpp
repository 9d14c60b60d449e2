// asyncio.shield.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>

using namespace std::chrono_literals;

// Python:  try:
//              await asyncio.wait_for(asyncio.shield(commit()), 0.002)
//          except TimeoutError: ...        # commit() runs on, alone
// The caller waits for the shielded work even when it is cancelled: nothing runs on alone, and the result
// arrives.
tandem::task<> shield() {
    bool committed = false;
    const auto commit = [&committed]() -> tandem::task<int> {
        co_await tandem::sleep_for(10ms);
        committed = true;
        co_return 1;
    };
    const int result = co_await tandem::with_timeout(2ms, tandem::shield(commit()));
    expect(committed && result == 1);
}

// Python:  task = asyncio.ensure_future(load()); a = await asyncio.shield(task); b = await task
// Work that several wait for, and that one of them may give up: it goes on for the others.
tandem::task<> shared() {
    int loads = 0;
    tandem::event loaded;
    const auto load = [&]() -> tandem::task<int> {
        ++loads;
        co_await loaded.wait();
        co_return 42;
    };
    const tandem::shared_task<int> settings(load());
    const auto use = [settings]() -> tandem::task<int> { co_return co_await settings; };
    const auto give_up = [&]() -> tandem::task<bool> {
        const auto early = co_await tandem::move_on_after(2ms, use());
        loaded.set();
        co_return early.has_value();
    };
    auto [patient, early] = co_await tandem::when_all(use(), give_up());
    expect(patient == 42 && !early && loads == 1);
}

tandem::task<> all() {
    co_await shield();
    co_await shared();
}

int main() {
    return tandem::run(all);
}
