#include <tandem/observe/tasks.hpp>

#include <tandem/asio.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include "tests/support/build.hpp"
#include "tests/support/capture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <sstream>
#include <thread>

using namespace tandem;
using namespace std::chrono_literals;
using tests::contains;

// any_io_executor counts its references with fences, which the thread sanitizer does not understand.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
    return "race:boost::asio::execution::detail::shared_target_executor\n";
}

#ifndef TANDEM_NO_TASK_REGISTRY

namespace {

const task_info* find(const std::vector<task_info>& tasks, std::string_view name) {
    const auto found =
        std::find_if(tasks.begin(), tasks.end(), [&](const task_info& t) { return t.name == name; });
    return found == tasks.end() ? nullptr : &*found;
}

void name_myself(const char* name) {
    task_context::current()->set_name(name);
}

task<> inner_wait(event& gate) {
    co_await gate.wait();
}
task<> outer_wait(event& gate, const char* name) {
    name_myself(name);
    co_await inner_wait(gate);
}

task<std::vector<task_info>> list_beside_a_waiting_task() {
    name_myself("main");
    event gate;
    std::vector<task_info> tasks;
    auto look = [&]() -> task<> {
        name_myself("looker");
        co_await tests::turns(2);
        tasks = list_tasks();
        gate.set();
    };
    co_await when_all(outer_wait(gate, "waiting"), look());
    co_return tasks;
}

} // namespace

TEST_CASE("a waiting task is listed with what it waits for, where, and its coroutines") {
    const std::vector<task_info> tasks = tests::run_on_loop(list_beside_a_waiting_task());
    REQUIRE(tasks.size() == 3);
    const task_info* const main = find(tasks, "main");
    const task_info* const waiting = find(tasks, "waiting");
    const task_info* const looker = find(tasks, "looker");
    REQUIRE(main);
    REQUIRE(waiting);
    REQUIRE(looker);

    CHECK(waiting->id != 0);
    CHECK(waiting->parent == main->id);
    CHECK(waiting->state == task_state::waiting);
    CHECK(waiting->operation == "event.wait");
    CHECK(waiting->waited >= 0ns);
    CHECK(waiting->since <= std::chrono::steady_clock::now());
    CHECK(waiting->where == "loop 0");
    REQUIRE(waiting->stack.size() == 2);
    CHECK(contains(waiting->stack[0].function, "inner_wait("));
    CHECK(contains(waiting->stack[1].function, "outer_wait("));
    CHECK(waiting->stack[0].line < waiting->stack[1].line);
    CHECK(contains(waiting->stack[0].file, "tasks_test.cpp"));

    CHECK(looker->state == task_state::running);
    CHECK(looker->operation.empty());
    CHECK(looker->parent == main->id);
    REQUIRE(!looker->stack.empty());
    CHECK(contains(looker->stack[0].function, "lambda") +
              contains(looker->stack[0].function, "anonymous class") >
          0);

    CHECK(main->parent == 0);
    CHECK(main->operation == "when_all");
}

TEST_CASE("a task that was started and has not run is ready") {
    auto body = []() -> task<std::vector<task_info>> {
        name_myself("main");
        event gate;
        std::vector<task_info> tasks;
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(outer_wait, std::ref(gate), "child");
            group.spawn(outer_wait, std::ref(gate), "child");
            tasks = list_tasks();
            gate.set();
            co_return;
        });
        co_return tasks;
    };
    const auto tasks = tests::run_on_loop(body);
    REQUIRE(tasks.size() == 4); // two are the main task and the group's body
    CHECK(std::count_if(tasks.begin(), tasks.end(), [](const task_info& t) {
              return t.state == task_state::ready && t.parent != 0;
          }) == 2);
    CHECK(std::count_if(tasks.begin(), tasks.end(), [](const task_info& t) { return t.id == 0; }) == 0);
}

TEST_CASE("the dump is a tree by parents") {
    auto body = []() -> task<std::string> {
        name_myself("main");
        event gate;
        std::string text;
        auto nested = [&]() -> task<> {
            name_myself("middle");
            co_await when_all(outer_wait(gate, "leaf"), outer_wait(gate, "leaf"));
        };
        auto look = [&]() -> task<> {
            co_await tests::turns(4);
            text = dump_tasks();
            std::ostringstream out;
            dump_tasks(out);
            if (!contains(out.str(), "leaf")) text.clear();
            gate.set();
        };
        co_await when_all(nested(), look());
        co_return text;
    };
    const std::string text = tests::run_on_loop(body);
    CAPTURE(text);
    CHECK(text.starts_with("5 tasks\n#"));
    CHECK(contains(text, " main: waits for "));
    CHECK(contains(text, "\n  #"));
    CHECK(contains(text, " middle: waits for "));
    CHECK(contains(text, "\n    #"));
    CHECK(contains(text, " leaf: waits for "));
    CHECK(contains(text, " in event.wait (loop 0)\n"));
    CHECK(contains(text, "\n        in "));
    CHECK(contains(text, "inner_wait("));
    CHECK(text.find("main:") < text.find("middle:"));
    CHECK(text.find("middle:") < text.find("leaf:"));
}

TEST_CASE("every loop of every runtime is asked, and a parent on another loop is found") {
    runtime first(tests::loops(2));
    runtime second(tests::small());
    event gate;
    std::promise<void> all_wait;
    std::atomic<int> waiting{0};
    auto wait = [&](const char* name) -> task<> {
        name_myself(name);
        if (++waiting == 2) all_wait.set_value();
        co_await gate.wait();
    };
    auto parent = [&]() -> task<> {
        name_myself("parent");
        task_group group;
        group.spawn_on(first.loop(1), wait, "remote");
        co_await group.join();
    };
    std::thread a([&] { first.run(parent); });
    std::thread b([&] { second.run(wait, "second"); });
    all_wait.get_future().wait();
    std::vector<task_info> tasks;
    do { // it has said so shortly before it waits
        tasks = list_tasks();
    } while (!find(tasks, "remote") || find(tasks, "remote")->state != task_state::waiting ||
             !find(tasks, "second") || find(tasks, "second")->state != task_state::waiting ||
             !find(tasks, "parent"));
    CHECK(find(tasks, "remote")->where == "loop 1");
    CHECK(find(tasks, "remote")->parent == find(tasks, "parent")->id);
    CHECK(find(tasks, "parent")->operation == "task_group.join");
    gate.set();
    a.join();
    b.join();
    CHECK(list_tasks().empty());
}

TEST_CASE("loops that ask each other at the same time answer each other") {
    runtime rt(tests::loops(2));
    std::atomic<int> silent{0};
    const std::size_t rounds = tests::repeat(2000, 100);
    auto ask = [&](const char* name) -> task<> {
        name_myself(name);
        for (std::size_t i = 0; i < rounds; ++i) {
            if (contains(dump_tasks(), "did not answer")) ++silent;
            co_await yield();
        }
    };
    auto both = [&]() -> task<> {
        task_group group;
        group.spawn_on(rt.loop(1), ask, "other");
        group.spawn(ask, "one");
        co_await group.join();
    };
    rt.run(both);
    CHECK(silent == 0);
}

TEST_CASE("a loop that does not answer is named with the task that holds it") {
    runtime rt(tests::small());
    std::promise<void> holds;
    std::promise<void> let_go;
    auto hold = [&]() -> task<> {
        name_myself("holder");
        co_await yield();
        holds.set_value();
        let_go.get_future().wait();
    };
    std::thread runner([&] { rt.run(hold); });
    holds.get_future().wait();
    const std::string text = dump_tasks();
    let_go.set_value();
    runner.join();
    CAPTURE(text);
    CHECK(contains(text, "loop 0 did not answer within 1 s"));
    if (!tests::thread_sanitized) { // it holds signals back while the thread blocks
        CHECK(contains(text, "it is held by #"));
        CHECK(contains(text, "holder: running"));
    }
}

TEST_CASE("a loop that nobody runs is not waited for") {
    event gate;
    runtime rt(tests::small());
    rt.spawn(outer_wait(gate, "background"));
    rt.run(tests::turns(3));
    const std::string text = dump_tasks();
    CHECK(contains(text, "loop 0 is not running"));
}

TEST_CASE("where a background task was spawned") {
    event gate;
    runtime rt(tests::small());
    rt.spawn(outer_wait(gate, "background"));
    auto look = [&]() -> task<std::vector<task_info>> {
        co_await tests::turns(3);
        co_return list_tasks();
    };
    const auto tasks = rt.run(look);
    const task_info* const background = find(tasks, "background");
    REQUIRE(background);
    CHECK(contains(background->spawned_at.file, "tasks_test.cpp"));
    CHECK(background->spawned_at.line != 0);
    gate.set();
}

TEST_CASE("tasks on Asio executors are listed, from inside and from outside") {
    boost::asio::io_context io;
    event gate;
    spawn(io.get_executor(), outer_wait(gate, "foreign"), boost::asio::detached);
    std::promise<std::vector<task_info>> inside;
    auto look = []() -> task<std::vector<task_info>> {
        name_myself("inside");
        co_return list_tasks();
    };
    std::thread runner([&] { io.run(); });
    std::vector<task_info> tasks;
    do {
        tasks = list_tasks();
    } while (!find(tasks, "foreign") || find(tasks, "foreign")->state != task_state::waiting);
    CHECK(find(tasks, "foreign")->where == "Asio strand");
    CHECK(find(tasks, "foreign")->operation == "event.wait");
    spawn(io.get_executor(), look(),
          [&](const std::exception_ptr&, std::vector<task_info> t) { inside.set_value(std::move(t)); });
    tasks = inside.get_future().get();
    CHECK(find(tasks, "inside"));
    gate.set();
    runner.join();
    CHECK(list_tasks().empty());
}

TEST_CASE("an execution context that nobody runs does not answer, and may then be destroyed") {
    event gate;
    {
        boost::asio::io_context io;
        spawn(io.get_executor(), outer_wait(gate, "foreign"), boost::asio::detached);
        io.poll();
        CHECK(contains(dump_tasks(), "Asio strand did not answer"));
    }
    CHECK(list_tasks().empty());
}

TEST_CASE("schedulers come and go while they are asked") {
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> seen{0};
    std::thread asker([&] {
        while (!stop)
            seen += list_tasks().size();
    });
    event gate;
    const std::size_t rounds = tests::repeat(300, 40);
    for (std::size_t i = 0; i < rounds; ++i) {
        runtime rt(tests::loops(2));
        rt.spawn(outer_wait(gate, "left behind"), 1);
        auto some = []() -> task<> { co_await when_all(tests::turns(3), sleep_for(1us)); };
        rt.run(some);
    }
    for (std::size_t i = 0; i < rounds; ++i) {
        boost::asio::io_context io;
        auto some = []() -> task<> { co_await when_all(tests::turns(3), sleep_for(1us)); };
        spawn(io.get_executor(), some(), boost::asio::detached);
        io.run();
        spawn(io.get_executor(), some(), boost::asio::detached);
        io.restart();
        io.poll_one();
        io.poll_one(); // destroyed in the middle of it
    }
    stop = true;
    asker.join();
    CHECK(list_tasks().empty());
}

TEST_CASE("a deep chain of coroutines is cut at 64 frames") {
    event gate;
    std::function<task<>(int)> down = [&](int depth) -> task<> {
        if (depth > 0)
            co_await down(depth - 1);
        else
            co_await gate.wait();
    };
    auto body = [&]() -> task<std::size_t> {
        std::size_t frames = 0;
        auto look = [&]() -> task<> {
            co_await tests::turns(2);
            for (const task_info& t : list_tasks())
                frames = std::max(frames, t.stack.size());
            gate.set();
        };
        co_await when_all(down(500), look());
        co_return frames;
    };
    CHECK(tests::run_on_loop(body) == 64);
}

TEST_CASE("SIGUSR1 prints the tasks, also while a loop is stuck") {
    tests::stderr_capture errors;
    auto body = [&]() -> task<std::string> {
        name_myself("main");
        event gate;
        std::string text;
        auto look = [&]() -> task<> {
            name_myself("stuck");
            co_await tests::turns(2);
            std::raise(SIGUSR1);
            text = errors.wait_for("did not answer"); // blocks the loop
            gate.set();
        };
        co_await when_all(outer_wait(gate, "waiting"), look());
        co_return text;
    };
    runtime rt(runtime_options().workers(1).dump_tasks_on(SIGUSR1));
    CHECK_THROWS_AS(dump_tasks_on_signal(SIGUSR2), std::logic_error);
    const std::string text = rt.run(body);
    CHECK(contains(text, "loop 0 did not answer within 1 s"));
}

TEST_CASE("a signal's former handler is restored") {
    static std::atomic<int> called{0};
    std::signal(SIGUSR2, [](int) { ++called; });
    for (int i = 0; i < 3; ++i) {
        const dump_tasks_on_signal dump(SIGUSR2);
        tests::stderr_capture errors;
        std::raise(SIGUSR2);
        CHECK(contains(errors.wait_for("tasks"), "0 tasks"));
    }
    CHECK(called == 0);
    std::raise(SIGUSR2);
    CHECK(called == 1);
    std::signal(SIGUSR2, SIG_DFL);
    CHECK_THROWS_AS(dump_tasks_on_signal(SIGKILL), system_error);
}

#else

TEST_CASE("without the registry nothing is listed, and the dump says so") {
    auto body = []() -> task<std::size_t> {
        co_await yield();
        co_return list_tasks().size();
    };
    CHECK(tests::run_on_loop(body) == 0);
    CHECK(contains(dump_tasks(), "without its task registry"));
}

#endif
