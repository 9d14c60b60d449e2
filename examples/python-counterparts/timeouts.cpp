// asyncio.wait_for, timeout and timeout_at.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <optional>
#include <string>

using namespace std::chrono_literals;

tandem::task<std::string> answer() {
    co_await tandem::yield();
    co_return "answer";
}

// Python:  text = await asyncio.wait_for(answer(), timeout=5)
// When the time is up the work is cancelled and waited for. A result that arrived is never dropped, and
// timeout_error is never confused with a cancellation from outside. It tells what the work waited for.
tandem::task<> wait_for() {
    const std::string text = co_await tandem::with_timeout(5s, answer());
    expect(text == "answer");

    tandem::event never;
    std::string waited_for;
    try {
        co_await tandem::with_timeout(2ms, never.wait());
    } catch (const tandem::timeout_error& late) {
        waited_for = late.operation();
    }
    expect(waited_for == "event.wait");
}

// Python:  async with asyncio.timeout(5):
//              a = await answer()
//              b = await answer()
tandem::task<> timeout() {
    std::string a, b;
    co_await tandem::with_timeout(5s, [&]() -> tandem::task<> {
        a = co_await answer();
        b = co_await answer();
        expect(tandem::current_deadline() != std::chrono::steady_clock::time_point::max());
    });
    expect(a == b);
}

// Python:  async with asyncio.timeout_at(loop.time() + 5): ...
// The limits of a call and its caller: the tighter one holds.
tandem::task<> timeout_at() {
    const auto end = std::chrono::steady_clock::now() + 5s;
    const std::string text = co_await tandem::with_deadline(end, answer());
    expect(text == "answer");

    bool over = false;
    try {
        co_await tandem::with_deadline(std::chrono::steady_clock::now() - 1s, answer());
    } catch (const tandem::timeout_error&) {
        over = true; // not begun
    }
    expect(over);
}

// Python:  try:
//              async with asyncio.timeout(0.002): await event.wait()
//          except TimeoutError: pass
tandem::task<> move_on() {
    tandem::event never;
    const bool set = co_await tandem::move_on_after(2ms, never.wait());
    const std::optional<std::string> text = co_await tandem::move_on_after(5s, answer());
    expect(!set && text == "answer");
}

tandem::task<> all() {
    co_await wait_for();
    co_await timeout();
    co_await timeout_at();
    co_await move_on();
}

int main() {
    return tandem::run(all);
}
