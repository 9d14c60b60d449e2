// asyncio.run and asyncio.Runner: where a program enters its loop.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <stdexcept>

tandem::task<int> add(int a, int b) {
    co_return a + b;
}

// Python:  async def main(): ...
//          asyncio.run(main())
// The main task's int is the exit code. A callable comes with its arguments; an exception that leaves it is
// printed and gives 1; Ctrl-C cancels it once, so that it can clean up, and gives 130.
void run() {
    expect(tandem::run(add, 3, 4) == 7);
    expect(tandem::run(tandem::runtime_options().loops(2).workers(1), add, 0, 0) == 0);
}

// Python:  with asyncio.Runner() as runner:
//              a = runner.run(add(1, 2))
//              b = runner.run(add(a, 3))
// A runtime is used several times, gives results and throws exceptions.
void runner() {
    tandem::runtime loop;
    const int a = loop.run(add, 1, 2);
    const int b = loop.run(add, a, 3);
    expect(a == 3 && b == 6);

    const auto fail = []() -> tandem::task<> {
        co_await tandem::yield();
        throw std::runtime_error("no");
    };
    bool thrown = false;
    try {
        loop.run(fail);
    } catch (const std::runtime_error&) {
        thrown = true;
    }
    expect(thrown);
}

// Python:  result = await add(1, 2)
// The same. A task does nothing until it is awaited, and is awaited once: `co_await std::move(t)`.
// One that nobody awaits is a compile-time warning ([[nodiscard]]), not one at run time.
tandem::task<> await_one() {
    const int three = co_await add(1, 2);
    auto later = add(three, 4);
    const int seven = co_await std::move(later);
    expect(three == 3 && seven == 7);
}

// Python:  asyncio.get_running_loop()
tandem::task<> running_loop() {
    expect(tandem::runtime::current() != nullptr);
    expect(tandem::runtime::current()->loops() == 1);
    co_return;
}

int main() {
    run();
    runner();
    expect(tandem::run(await_one) == 0);
    return tandem::run(running_loop);
}
