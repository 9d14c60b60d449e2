// asyncio.as_completed.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <cstddef>
#include <utility>
#include <vector>

// Waits for its turn, then lets the next one go.
tandem::task<int> in_turn(tandem::event& mine, tandem::event* next, int n) {
    co_await mine.wait();
    if (next) next->set();
    co_return n;
}

// Python:  for next in asyncio.as_completed([slow(), fast()]):
//              result = await next
// The loop is a function of its own, because leaving it early has to wait for what still runs.
tandem::task<> as_completed() {
    tandem::event slow(false), fast(true);
    std::vector<tandem::task<int>> tasks;
    tasks.push_back(in_turn(slow, nullptr, 10));
    tasks.push_back(in_turn(fast, &slow, 20));

    std::vector<int> order;
    const auto collect = [&order](tandem::completions<int>& results) -> tandem::task<> {
        while (auto next = co_await results.next())
            order.push_back(next->value()); // next->index(): which task it was
    };
    co_await tandem::as_completed(std::move(tasks), 2, collect);
    expect(order == std::vector{20, 10});
}

// Python:  for next in asyncio.as_completed(tasks):
//              if await next == wanted: break        # the others run on, and nobody looks at them
// Here those that still run are cancelled and waited for; those that were not begun never begin.
tandem::task<> leave_early() {
    tandem::event now(true), never;
    std::vector<tandem::task<int>> tasks;
    tasks.push_back(in_turn(never, nullptr, 1));
    tasks.push_back(in_turn(now, nullptr, 2));
    const auto first = [](tandem::completions<int>& results) -> tandem::task<int> {
        auto next = co_await results.next();
        co_return next->value();
    };
    const int result = co_await tandem::as_completed(std::move(tasks), 2, first);
    expect(result == 2);
}

tandem::task<> all() {
    co_await as_completed();
    co_await leave_early();
}

int main() {
    return tandem::run(all);
}
