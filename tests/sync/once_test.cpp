#include <tandem/sync/once.hpp>

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("once: a coroutine runs once, and callers that come meanwhile wait for it") {
    int runs = 0;
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        once o;
        bool finished = false;
        auto connect = [&](int by) -> task<int> {
            ++runs;
            order.push_back(by);
            co_await tests::turns(4);
            finished = true;
            co_return by;
        };
        auto caller = [&](int me) -> task<> {
            co_await o.call(std::ref(connect), me);
            CHECK(finished);
            order.push_back(100 + me);
        };
        CHECK_FALSE(o.done());
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 4; ++i)
                group.spawn(std::ref(caller), i);
            co_return;
        });
        CHECK(o.done());
        co_await o.call(std::ref(connect), 9);
    });
    CHECK(runs == 1);
    CHECK(order == std::vector<int>{0, 100, 101, 102, 103});
}

TEST_CASE("once: a plain function, its arguments, an awaitable") {
    once plain;
    std::string got;
    auto store = [&](std::unique_ptr<std::string> text) { got = *text; };
    block_on(plain.call(store, std::make_unique<std::string>("one")));
    block_on(plain.call(store, std::make_unique<std::string>("two")));
    CHECK(got == "one");
    once gives_value;
    block_on(gives_value.call([] { return 3; }));
    CHECK(gives_value.done());
    once gives_operation;
    block_on(gives_operation.call([] { return yield(); }));
    CHECK(gives_operation.done());
}

TEST_CASE("once: after an exception the next caller tries") {
    run_on_loop([]() -> task<> {
        once o;
        int runs = 0;
        auto third_time = [&]() -> task<> {
            const int mine = ++runs;
            co_await tests::turns(2);
            if (mine < 3) throw std::runtime_error("attempt " + std::to_string(mine));
        };
        std::vector<std::string> seen;
        auto caller = [&]() -> task<> {
            const std::string message = co_await tests::message_of(o.call(std::ref(third_time)));
            seen.push_back(message);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 5; ++i)
                group.spawn(std::ref(caller));
            co_return;
        });
        CHECK(runs == 3);
        CHECK(seen == std::vector<std::string>{"attempt 1", "attempt 2", "", "", ""});
        CHECK(o.done());
    });
}

TEST_CASE("once: when the caller that runs it is cancelled, the next one tries") {
    run_on_loop([]() -> task<> {
        once o;
        int begun = 0;
        int ended = 0;
        auto work = [&]() -> task<> {
            ++begun;
            co_await tests::turns(4);
            ++ended;
        };
        auto caller = [&]() -> task<> { co_await o.call(std::ref(work)); };
        task_group first;
        first.spawn(std::ref(caller));
        co_await tests::turns(2);
        co_await with_task_group([&](task_group& others) -> task<> {
            others.spawn(std::ref(caller));
            others.spawn(std::ref(caller));
            co_await tests::turns(1);
            CHECK(begun == 1);
            first.cancel();
        });
        co_await first.join();
        CHECK(begun == 2);
        CHECK(ended == 1);
        CHECK(o.done());
    });
}

TEST_CASE("once: cancelled at every suspension it can still be done") {
    int completed = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        std::unique_ptr<once> o;
        int ended = 0;
        auto work = [&]() -> task<> {
            co_await tests::turns(3);
            ++ended;
        };
        auto caller = [&]() -> task<> { co_await o->call(std::ref(work)); };
        auto body = [&](task_group& group) -> task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn(std::ref(caller));
            co_return;
        };
        auto scenario = [&]() -> task<> {
            o = std::make_unique<once>();
            ended = 0;
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(o->done() == (ended == 1));
            completed += ended;
            tests::doomed_context later;
            later.start(o->call([&] { ++ended; }));
            CHECK(ended == 1);
            CHECK(o->done());
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 5);
    CHECK(completed >= 2); // at least the runs that were not cancelled
}

TEST_CASE("once: the caller that runs it is destroyed with its context, the next one tries") {
    once o;
    int runs = 0;
    event never;
    bool done = false;
    auto hangs = [&]() -> task<> {
        ++runs;
        co_await never.wait();
    };
    auto works = [&]() -> task<> {
        co_await yield();
        done = true;
    };
    tests::doomed_context first;
    tests::doomed_context second;
    first.start(o.call(std::ref(hangs)));
    second.start(o.call(std::ref(works)));
    CHECK_FALSE(done);
    first.destroy();
    second.run();
    CHECK(done);
    CHECK(runs == 1);
    CHECK(o.done());
}

TEST_CASE("once: a storm of callers on two loops and plain threads, some of whom give up") {
    const std::size_t flags = tests::repeat(200, 50);
    std::vector<std::unique_ptr<once>> all;
    std::vector<std::size_t> runs(flags, 0); // plain: written by the one run, read by all after it
    for (std::size_t i = 0; i < flags; ++i)
        all.push_back(std::make_unique<once>());
    std::atomic<bool> wrong{false};
    auto worker = [&](tests::dice& random) -> task<> {
        const std::size_t which = random.below(flags);
        auto work = [&]() -> task<> {
            co_await tests::turns(random.below(3));
            ++runs[which];
        };
        auto race = co_await when_any(all[which]->call(std::ref(work)), tests::patience(random));
        if (race.get<0>() && runs[which] != 1) wrong = true;
    };
    tests::storm(tests::repeat(2'000, 200), worker);
    CHECK_FALSE(wrong);
    for (std::size_t i = 0; i < flags; ++i)
        CHECK(runs[i] == (all[i]->done() ? 1 : 0));
}
