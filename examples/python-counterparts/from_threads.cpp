// loop.call_soon_threadsafe and asyncio.run_coroutine_threadsafe: from a plain thread into a loop.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <functional>
#include <thread>
#include <utility>

// Python:  loop.call_soon_threadsafe(event.set)
//          loop.call_soon_threadsafe(queue.put_nowait, 1)
// Every primitive may be used from any thread as it is.
tandem::task<> call_soon_threadsafe() {
    tandem::event ready;
    tandem::channel<int> items(1);
    const std::jthread thread([&] {
        ready.set();
        items.try_send(1);
    });
    co_await ready.wait();
    const auto item = co_await items.receive();
    expect(item == 1);
}

tandem::task<int> square(int x) {
    co_await tandem::yield();
    co_return x* x;
}

// Python:  future = asyncio.run_coroutine_threadsafe(square(7), loop)
//          assert future.result() == 49
// The task belongs to the group, whose scope must be open meanwhile: the body waits for the thread.
tandem::task<> run_coroutine_threadsafe(tandem::task_group& group) {
    int result = 0;
    tandem::event done;
    const std::jthread thread([&] {
        result = tandem::block_on(group.spawn_result(square, 7));
        done.set();
    });
    co_await done.wait();
    expect(result == 49);
}

// Python:  asyncio.run_coroutine_threadsafe(note(), loop)       # nobody looks at the future
// From a thread that knows the runtime only.
void spawn_on_a_runtime() {
    tandem::runtime loop;
    tandem::event noted;
    const auto note = [](tandem::event& e) -> tandem::task<> {
        e.set();
        co_return;
    };
    const auto wait = [](tandem::event& e) -> tandem::task<> { co_await e.wait(); };
    const std::jthread thread([&] { loop.spawn(tandem::invoke(note, std::ref(noted))); });
    loop.run(wait, std::ref(noted));
    expect(noted.is_set());
}

tandem::task<> all() {
    co_await call_soon_threadsafe();
    co_await tandem::with_task_group(run_coroutine_threadsafe);
}

int main() {
    spawn_on_a_runtime();
    return tandem::run(all);
}
