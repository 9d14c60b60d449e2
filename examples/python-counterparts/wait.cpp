// asyncio.wait in its forms.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

tandem::task<int> number(int n) {
    co_await tandem::yield();
    co_return n;
}
tandem::task<int> when(tandem::event& ready, int n) {
    co_await ready.wait();
    co_return n;
}

// Python:  done, pending = await asyncio.wait(tasks, return_when=FIRST_COMPLETED)
//          for t in pending: t.cancel()
//          await asyncio.gather(*pending, return_exceptions=True)
// when_any does all three: the others are cancelled and waited for, and one that completed all the same hands
// over its value.
tandem::task<> first_completed() {
    tandem::event never;
    auto race = co_await tandem::when_any(when(never, 1), number(2));
    expect(race.index() == 1);
    expect(race.get<1>().value() == 2);
    expect(race.get<0>().cancelled());
}

// Python:  done, pending = await asyncio.wait(tasks, return_when=FIRST_COMPLETED)   # pending run on
// Take results as they come from a group's channel.
tandem::task<> pending_run_on() {
    tandem::event late;
    tandem::channel<int> done(2);
    const auto report = [&done](tandem::task<int> t) -> tandem::task<> {
        co_await done.send(co_await std::move(t));
    };
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(report, when(late, 1));
        group.spawn(report, number(2));
        const auto first = co_await done.receive();
        expect(first == 2 && group.size() >= 2); // the other one still runs
        late.set();
        const auto second = co_await done.receive();
        expect(second == 1);
    });
}

// Python:  done, _ = await asyncio.wait(tasks)          # ALL_COMPLETED
tandem::task<> all_completed() {
    std::vector<tandem::task<int>> tasks;
    tasks.push_back(number(1));
    tasks.push_back(number(2));
    auto done = co_await tandem::when_all_settled(std::move(tasks));
    expect(done.size() == 2 && done[0].value() == 1 && done[1].value() == 2);
}

// Python:  await asyncio.wait(tasks, return_when=FIRST_EXCEPTION)
tandem::task<> first_exception() {
    const auto fail = []() -> tandem::task<> {
        co_await tandem::yield();
        throw std::runtime_error("no");
    };
    tandem::event never;
    bool failed = false;
    try {
        co_await tandem::when_all(fail(), when(never, 1));
    } catch (const std::runtime_error&) {
        failed = true;
    }
    expect(failed);
}

// Python:  done, pending = await asyncio.wait(tasks, timeout=0.05)
// The children are cancelled at the limit; the outcomes of those that were in time arrive.
tandem::task<> wait_timeout() {
    tandem::event never;
    auto done = co_await tandem::move_on_after(50ms, tandem::when_all_settled(number(1), when(never, 2)));
    expect(done.has_value());
    auto& [in_time, late] = *done;
    expect(in_time.value() == 1 && late.cancelled());
}

tandem::task<> all() {
    co_await first_completed();
    co_await pending_run_on();
    co_await all_completed();
    co_await first_exception();
    co_await wait_timeout();
}

int main() {
    return tandem::run(all);
}
