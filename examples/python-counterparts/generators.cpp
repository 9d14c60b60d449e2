// Asynchronous generators.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <vector>

using namespace std::chrono_literals;

// Python:  async def count(n):
//              for i in range(n):
//                  await asyncio.sleep(0)
//                  yield i
tandem::async_generator<int> count(int n) {
    for (int i = 0; i < n; ++i) {
        co_await tandem::yield();
        co_yield i;
    }
}

// Python:  async for i in count(3): ...
tandem::task<> async_for() {
    std::vector<int> items;
    auto source = count(3);
    while (auto i = co_await source.next())
        items.push_back(*i);
    expect(items == std::vector{0, 1, 2});
}

// Python:  async with aclosing(count(1000)) as source:
//              async for i in source:
//                  break
// Leaving early destroys the generator there and then, its locals with it; no finalizer that runs some time,
// in some task. (Cleaning up that has to wait: with_cleanup around the loop.)
class flag_on_exit {
public:
    explicit flag_on_exit(bool& f) noexcept : flag(f) {}
    flag_on_exit(const flag_on_exit&) = delete;
    flag_on_exit& operator=(const flag_on_exit&) = delete;
    ~flag_on_exit() { flag = true; }
    bool& flag;
};

tandem::async_generator<int> endless(bool& closed) {
    const flag_on_exit on_exit(closed);
    for (int i = 0;; ++i)
        co_yield i;
}

tandem::task<> aclosing() {
    bool closed = false;
    {
        auto source = endless(closed);
        const auto first = co_await source.next();
        expect(first == 0 && !closed);
    }
    expect(closed);
}

// Python:  async for i in count(3): wait_for() around each __anext__()
// A step that is cancelled between two items leaves the generator as it is; timeouts belong on `next()`.
tandem::task<> step_with_timeout() {
    auto source = count(2);
    auto first = co_await tandem::with_timeout(5s, source.next());
    auto second = co_await tandem::with_timeout(5s, source.next());
    auto end = co_await source.next();
    expect(first == 0 && second == 1 && !end);
}

// Python:  a task that puts what a generator yields into a queue, to run ahead of the consumer
tandem::task<> run_ahead() {
    tandem::channel<int> ahead(8);
    const auto produce = [&ahead]() -> tandem::task<> {
        auto source = count(5);
        while (auto i = co_await source.next())
            co_await ahead.send(*i);
        ahead.close();
    };
    int sum = 0;
    const auto consume = [&]() -> tandem::task<> {
        while (auto i = co_await ahead.receive())
            sum += *i;
    };
    co_await tandem::when_all(produce(), consume());
    expect(sum == 10);
}

tandem::task<> all() {
    co_await async_for();
    co_await aclosing();
    co_await step_with_timeout();
    co_await run_ahead();
}

int main() {
    return tandem::run(all);
}
