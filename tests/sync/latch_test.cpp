#include <tandem/sync/latch.hpp>

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("latch: opens when the last arrival has come, and stays open") {
    latch l(4);
    CHECK_FALSE(l.try_wait());
    l.count_down();
    l.count_down(0);
    l.count_down(2);
    CHECK_FALSE(l.try_wait());
    CHECK_THROWS_AS(l.count_down(2), std::logic_error);
    CHECK_FALSE(l.try_wait()); // the refused arrival changed nothing
    l.count_down();
    CHECK(l.try_wait());
    block_on(l.wait());
    CHECK_THROWS_AS(l.count_down(), std::logic_error);
    latch none(0);
    CHECK(none.try_wait());
    block_on(none.wait());
}

TEST_CASE("latch: waiters go on together, in order, and not before") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        latch l(3);
        auto wait = [&](int me) -> task<> {
            co_await l.wait();
            order.push_back(me);
        };
        auto arrive = [&](int me) -> task<> {
            co_await l.arrive_and_wait();
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(wait), 0);
            group.spawn(std::ref(arrive), 1);
            group.spawn(std::ref(wait), 2);
            co_await tests::turns(3);
            CHECK(order.empty());
            co_await l.arrive_and_wait(2);
            order.push_back(3); // it did not have to wait
        });
    });
    CHECK(order == std::vector<int>{3, 0, 1, 2});
}

TEST_CASE("latch: too many arrivals are told to the one that arrives and waits") {
    run_on_loop([]() -> task<> {
        latch l(1);
        const ending how = co_await tests::ends(as_task(l.arrive_and_wait(2)));
        CHECK(how == ending::error);
        CHECK_FALSE(l.try_wait());
        co_await l.arrive_and_wait();
    });
}

TEST_CASE("latch: cancelled at every suspension the arrivals stand and nobody waits") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::unique_ptr<latch> l;
        auto arrive = [&](std::size_t delay) -> task<> {
            try {
                co_await tests::turns(delay);
            } catch (const operation_cancelled&) {
                // The arrival counts in a cancelled task, too.
            }
            co_await l->arrive_and_wait();
        };
        auto body = [&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn(std::ref(arrive), i);
            co_await l->wait();
        };
        auto scenario = [&]() -> task<> {
            l = std::make_unique<latch>(4);
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            // Cancelled before the group had begun, nobody arrived; otherwise all did.
            if (how == ending::value) CHECK(l->try_wait());
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 5);
}

TEST_CASE("latch: an arrival stands when its wait is given up") {
    run_on_loop([]() -> task<> {
        latch l(2);
        auto race = co_await when_any(l.arrive_and_wait(), tests::turns(3));
        CHECK(race.index() == 1);
        CHECK_FALSE(race.get<0>());
        l.count_down();
        CHECK(l.try_wait());
    });
}

TEST_CASE("latch: waiters destroyed with their context leave") {
    latch l(1);
    bool went_on = false;
    auto wait = [&]() -> task<> {
        co_await l.wait();
        went_on = true;
    };
    tests::doomed_context first;
    tests::doomed_context second;
    first.start(wait());
    second.start(wait());
    first.destroy();
    l.count_down();
    second.run();
    CHECK(went_on);
}

TEST_CASE("latch: across loops and threads, each in its own lifetime") {
    const std::size_t rounds = tests::repeat(2'000, 300);
    runtime rt(tests::loops(2));
    std::size_t plain = 0;
    for (std::size_t i = 0; i < rounds; ++i) {
        // Gone as soon as the wait has returned, while the others may still leave count_down.
        auto l = std::make_unique<latch>(2);
        latch& gate = *l;
        auto count = [](latch& g) -> task<> {
            g.count_down();
            co_return;
        };
        rt.spawn(count(gate), 1);
        std::size_t written = 0;
        if (i % 64 == 0) {
            std::thread other([&] {
                written = i;
                gate.count_down();
            });
            block_on(gate.wait());
            CHECK(written == i);
            l.reset();
            other.join();
        } else {
            block_on(gate.arrive_and_wait());
            l.reset();
        }
        ++plain;
    }
    CHECK(plain == rounds);
}
