// asyncio's debug mode: what holds the loop too long, and what every task waits for.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// Python:  asyncio.run(main(), debug=True)     # "Executing <Task ...> took 0.150 seconds", afterwards
//          loop.slow_callback_duration = 0.02
// A thread of its own looks: the loop is reported while it is still held, with the stack of what holds it.
void slow_callback() {
    tandem::runtime loop;
    tandem::event reported;
    const auto tell = [&reported](const tandem::stall_report&) { reported.set(); };
    const tandem::stall_detector watch(loop, tandem::stall_options().threshold(20ms).on_stall(tell));
    const auto hold = [&reported]() -> tandem::task<> {
        co_await tandem::yield();
        for (int i = 0; i < 5000 && !reported.is_set(); ++i)
            std::this_thread::sleep_for(1ms); // what belongs into offload
    };
    loop.run(hold);
    expect(reported.is_set());
}

// Python:  for task in asyncio.all_tasks(): task.print_stack()
tandem::task<> print_stacks() {
    tandem::event go;
    std::string tasks;
    const auto wait = [](tandem::event& e) -> tandem::task<> { co_await e.wait(); };
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(tandem::named("waiter"), wait, std::ref(go));
        co_await tandem::yield();
        tasks = tandem::dump_tasks();
        go.set();
    });
    expect(tasks.find("waiter") != std::string::npos && tasks.find("event.wait") != std::string::npos);
}

int main() {
    slow_callback();
    return tandem::run(print_stacks);
}
