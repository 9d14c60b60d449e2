// Task.cancel, Task.uncancel, CancelledError.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <stop_token>

using namespace std::chrono_literals;

// Python:  task.cancel()
//          try: await task
//          except asyncio.CancelledError: ...
// Groups are cancelled, and wait for their tasks by themselves.
tandem::task<> cancel_group() {
    bool cancelled = false;
    const auto wait = [&cancelled]() -> tandem::task<> {
        tandem::event never;
        try {
            co_await never.wait();
        } catch (const tandem::operation_cancelled&) {
            cancelled = true;
            throw; // not a failure of the group
        }
    };
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(wait);
        co_await tandem::yield();
        group.cancel();
    });
    expect(cancelled);
}

// Python:  task.cancel()                       # one of several
tandem::task<> cancel_one(tandem::task_group& group) {
    const auto wait_for_ever = []() -> tandem::task<> {
        tandem::event never;
        co_await never.wait();
    };
    auto child = group.spawn_result(wait_for_ever);
    child.cancel();
    bool cancelled = false;
    try {
        co_await child.result();
    } catch (const tandem::operation_cancelled&) {
        cancelled = true;
    }
    expect(cancelled && !group.cancelled());
}

// Python:  except asyncio.CancelledError: pass         # swallowed: the task runs on, uncancelled
// Level-triggered: a task that swallows it gets it again at its next operation, and cannot run on by mistake.
tandem::task<> swallowed() {
    int thrown = 0;
    const auto stubborn = [&thrown]() -> tandem::task<> {
        tandem::event never;
        for (int i = 0; i < 3; ++i) {
            try {
                co_await never.wait();
            } catch (const tandem::operation_cancelled&) {
                ++thrown;
            }
        }
    };
    const auto at_once = []() -> tandem::task<> { co_return; };
    co_await tandem::when_any(stubborn(), at_once());
    expect(thrown == 3);
}

// Python:  task.uncancel(), task.cancelling()
// Not needed: a timeout, a race or a group cancels a scope of its own, so nothing is left behind when it
// ends.
tandem::task<> uncancel() {
    tandem::event never;
    const bool set = co_await tandem::move_on_after(1ms, never.wait());
    expect(!set);
    co_await tandem::sleep_for(1ms); // this task was never cancelled
}

// Python:  asyncio.current_task().cancelling() > 0
// Where nothing is awaited, ask; a std::stop_token also tells code that knows nothing of tasks.
tandem::task<> ask() {
    bool told = false;
    const auto look = [&told]() -> tandem::task<> {
        const std::stop_token stop = co_await tandem::current_stop_token();
        while (!stop.stop_requested()) {
            try {
                co_await tandem::yield();
            } catch (const tandem::operation_cancelled&) {
            }
        }
        told = true;
    };
    const auto at_once = []() -> tandem::task<> { co_return; };
    co_await tandem::when_any(look(), at_once());
    expect(told);
}

tandem::task<> all() {
    co_await cancel_group();
    co_await tandem::with_task_group(cancel_one);
    co_await swallowed();
    co_await uncancel();
    co_await ask();
}

int main() {
    return tandem::run(all);
}
