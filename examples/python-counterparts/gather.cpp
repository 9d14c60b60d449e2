// asyncio.gather.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

tandem::task<int> number(int n) {
    co_await tandem::yield();
    co_return n;
}
tandem::task<std::string> word() {
    co_await tandem::yield();
    co_return "word";
}
tandem::task<int> fail() {
    co_await tandem::yield();
    throw std::runtime_error("no");
}

// Python:  n, w = await asyncio.gather(number(1), word())
// Each result keeps its type. A failure cancels the others and waits for them; asyncio leaves them running.
tandem::task<> gather() {
    auto [n, w] = co_await tandem::when_all(number(1), word());
    expect(n == 1 && w == "word");

    bool cancelled = false;
    const auto wait = [&cancelled]() -> tandem::task<int> {
        tandem::event never;
        try {
            co_await never.wait();
        } catch (const tandem::operation_cancelled&) {
            cancelled = true;
            throw;
        }
        co_return 0;
    };
    bool failed = false;
    try {
        co_await tandem::when_all(fail(), wait());
    } catch (const std::runtime_error&) {
        failed = true;
    }
    expect(failed && cancelled);
}

// Python:  results = await asyncio.gather(*[number(n) for n in range(3)])
tandem::task<> gather_list() {
    std::vector<tandem::task<int>> tasks;
    for (int n = 0; n < 3; ++n)
        tasks.push_back(number(n));
    const std::vector<int> results = co_await tandem::when_all(std::move(tasks));
    expect(results == std::vector{0, 1, 2});
}

// Python:  results = await asyncio.gather(number(1), fail(), return_exceptions=True)
// Outcomes instead of a mixture of values and exceptions; when the caller is cancelled they are handed over
// all the same.
tandem::task<> return_exceptions() {
    auto [good, bad] = co_await tandem::when_all_settled(number(1), fail());
    expect(good && good.value() == 1);
    expect(!bad && bad.failure() && !bad.cancelled()); // bad.value() would rethrow it
}

// Python:  limit = asyncio.Semaphore(2)
//          async def limited(n):
//              async with limit: return await number(n)
//          await asyncio.gather(*[limited(n) for n in numbers])
tandem::task<> bounded() {
    const std::vector<int> numbers{5, 6, 7};
    const auto results = co_await tandem::concurrent_map(numbers, 2, number);
    expect(results == numbers);
}

tandem::task<> all() {
    co_await gather();
    co_await gather_list();
    co_await return_exceptions();
    co_await bounded();
}

int main() {
    return tandem::run(all);
}
