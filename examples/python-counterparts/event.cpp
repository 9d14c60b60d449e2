// asyncio.Event, threading.Event and asyncio.Future.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <thread>

using namespace std::chrono_literals;

// Python:  await event.wait(); event.set(); event.clear(); event.is_set()
// set() may be called from any thread, which in asyncio needs call_soon_threadsafe.
tandem::task<> asyncio_event() {
    tandem::event ready;
    const auto set = [&ready]() -> tandem::task<> {
        ready.set();
        co_return;
    };
    co_await tandem::when_all(ready.wait(), ready.wait(), set());
    expect(ready.is_set());
    ready.reset();
    expect(!ready.is_set());
}

// Python:  event = threading.Event(); event.wait(timeout=0.002)
void threading_event() {
    tandem::event ready;
    expect(!tandem::block_on(tandem::move_on_after(2ms, ready.wait())));
    {
        const std::jthread setter([&ready] { ready.set(); });
        tandem::block_on(ready.wait());
    }
    expect(ready.is_set());
}

// Python:  event.set(); event.clear()          # hoping that exactly one waiter has noticed
tandem::task<> one_waiter_each() {
    tandem::auto_reset_event changed;
    changed.set();
    co_await changed.wait(); // consumes it
    const bool again = co_await tandem::move_on_after(1ms, changed.wait());
    expect(!again);
}

// Python:  future = loop.create_future(); future.set_result(42); value = await future
// A channel of one item: it can be filled from any thread, closed (the end without a result), and waited for
// with everything that waits.
tandem::task<> future() {
    tandem::channel<int> promised(1);
    const std::jthread elsewhere([&promised] {
        promised.try_send(42);
        promised.close();
    });
    const auto value = co_await promised.receive();
    expect(value == 42);
}

tandem::task<> all() {
    co_await asyncio_event();
    co_await one_waiter_each();
    co_await future();
}

int main() {
    threading_event();
    return tandem::run(all);
}
