// asyncio.create_task, its result, current_task, all_tasks, eager tasks.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <functional>
#include <string>
#include <vector>

tandem::task<int> square(int x) {
    co_await tandem::yield();
    co_return x* x;
}

// Python:  t = asyncio.create_task(square(7))
//          ...
//          assert await t == 49
// A task is started in a group, which waits for it: none is left behind, none is collected by accident, and a
// failure that nobody asks for is still the group's.
tandem::task<> create_task(tandem::task_group& group) {
    auto t = group.spawn_result(square, 7); // no need for the result: group.spawn(square, 7)
    expect(!t.done());
    const int result = co_await t.result();
    expect(result == 49 && t.done());
}

// Python:  background = set()
//          task = asyncio.create_task(flush()); background.add(task)
//          task.add_done_callback(background.discard)
// For what really belongs to no scope: the runtime owns it, cancels and waits for it at its end. What it
// throws goes to runtime_options().on_unhandled.
tandem::task<> background() {
    tandem::event flushed;
    const auto flush = [](tandem::event& done) -> tandem::task<> {
        done.set();
        co_return;
    };
    tandem::runtime::current()->spawn(tandem::invoke(flush, std::ref(flushed)));
    co_await flushed.wait();
}

// Python:  task = asyncio.create_task(work(), name="work")
//          asyncio.current_task().get_name()
tandem::task<> current_task(tandem::task_group& group) {
    const auto own_name = []() -> tandem::task<std::string> {
        co_return std::string(tandem::task_context::current()->name());
    };
    auto t = group.spawn_result(tandem::named("work"), own_name);
    const std::string name = co_await t.result();
    expect(name == "work");
}

// Python:  len(asyncio.all_tasks())
// A group knows how many of its tasks live, its own body included. (The event stands outside of the body:
// what the children refer to must outlive the group, and a body ends before its children.)
tandem::task<> all_tasks() {
    tandem::event go;
    const auto wait = [](tandem::event& e) -> tandem::task<> { co_await e.wait(); };
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(wait, std::ref(go));
        group.spawn(wait, std::ref(go));
        expect(group.size() == 3);
        go.set();
        co_return;
    });
}

// Python:  asyncio.eager_task_factory
// A spawned task begins when its spawner first waits, never inside of `spawn`. A task that is awaited
// directly runs at once and, when it need not wait, returns without a turn of the loop.
tandem::task<> eager(tandem::task_group& group) {
    std::vector<int> order;
    const auto note = [&order](int n) -> tandem::task<> {
        order.push_back(n);
        co_return;
    };
    group.spawn(note, 2);
    co_await note(1); // no wait
    co_await tandem::yield();
    expect(order == std::vector{1, 2});
}

tandem::task<> all() {
    co_await tandem::with_task_group(create_task);
    co_await background();
    co_await tandem::with_task_group(current_task);
    co_await all_tasks();
    co_await tandem::with_task_group(eager);
}

int main() {
    return tandem::run(all);
}
