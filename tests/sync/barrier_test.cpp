#include <tandem/sync/barrier.hpp>

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("barrier: phase by phase, with a completion before anyone is released") {
    std::vector<std::string> log;
    run_on_loop([&]() -> task<> {
        barrier b(3, [&] { log.push_back("all"); });
        CHECK(b.expected() == 3);
        auto worker = [&](std::string me) -> task<> {
            for (int phase = 0; phase < 2; ++phase) {
                log.push_back(me);
                co_await b.arrive_and_wait();
            }
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(worker), "a");
            group.spawn(std::ref(worker), "b");
            co_await tests::turns(4);
            CHECK(log == std::vector<std::string>{"a", "b"});
            group.spawn(std::ref(worker), "c");
        });
    });
    REQUIRE(log.size() == 8);
    CHECK(log[3] == "all");
    CHECK(log[7] == "all");
}

TEST_CASE("barrier: released in order of arrival, and the last one does not wait") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        barrier b(4);
        auto worker = [&](int me) -> task<> {
            co_await b.arrive_and_wait();
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 4; ++i)
                group.spawn(std::ref(worker), i);
            co_return;
        });
    });
    CHECK(order == std::vector<int>{3, 0, 1, 2});
}

TEST_CASE("barrier: who drops out is not expected again") {
    int completions = 0;
    run_on_loop([&]() -> task<> {
        barrier b(3, [&] { ++completions; });
        int passed = 0;
        auto worker = [&]() -> task<> {
            co_await b.arrive_and_wait();
            ++passed;
            co_await b.arrive_and_wait();
            ++passed;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(worker));
            group.spawn(std::ref(worker));
            co_await tests::turns(2);
            CHECK(completions == 0);
            b.arrive_and_drop(); // the last arrival of this phase
            CHECK(completions == 1);
            CHECK(b.expected() == 2);
        });
        CHECK(passed == 4);
        CHECK(completions == 2);
        b.arrive_and_drop();
        CHECK(completions == 2);
        b.arrive_and_drop(); // ends a phase in which nobody waits
        CHECK(completions == 3);
        CHECK_THROWS_AS(b.arrive_and_drop(), std::logic_error);
        const ending how = co_await tests::ends(as_task(b.arrive_and_wait()));
        CHECK(how == ending::error);
    });
    CHECK_THROWS_AS(barrier(0), std::invalid_argument);
}

TEST_CASE("barrier: an exception of the completion reaches everyone in that phase, and the next one works") {
    run_on_loop([]() -> task<> {
        int phase = 0;
        barrier b(2, [&] {
            if (++phase == 1 || phase == 3) throw std::runtime_error("merge");
        });
        std::vector<std::string> seen;
        auto worker = [&]() -> task<> {
            for (int i = 0; i < 2; ++i) {
                const std::string message = co_await tests::message_of(as_task(b.arrive_and_wait()));
                seen.push_back(message);
            }
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(worker));
            group.spawn(std::ref(worker));
            co_return;
        });
        CHECK(std::count(seen.begin(), seen.end(), "merge") == 2);
        CHECK(std::count(seen.begin(), seen.end(), "") == 2);
        co_await with_task_group([&](task_group& group) -> task<> {
            auto waits = [&]() -> task<> {
                const std::string message = co_await tests::message_of(as_task(b.arrive_and_wait()));
                CHECK(message == "merge");
            };
            group.spawn(std::ref(waits));
            co_await tests::turns(2);
            CHECK_THROWS_WITH(b.arrive_and_drop(), "merge");
        });
        CHECK(b.expected() == 1);
        co_await b.arrive_and_wait();
        CHECK(phase == 4);
    });
}

TEST_CASE("barrier: a cancelled wait takes its arrival back, it may come again") {
    run_on_loop([]() -> task<> {
        barrier b(2);
        auto race = co_await when_any(b.arrive_and_wait(), tests::turns(3));
        CHECK_FALSE(race.get<0>());
        bool passed = false;
        auto other = [&]() -> task<> {
            co_await b.arrive_and_wait();
            passed = true;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(other));
            co_await tests::turns(3);
            CHECK_FALSE(passed); // one alone
            co_await b.arrive_and_wait();
        });
        CHECK(passed);
    });
}

TEST_CASE("barrier: a wait that is over returns normally although it was cancelled in the same turn") {
    run_on_loop([]() -> task<> {
        barrier b(2);
        bool passed = false;
        auto other = [&]() -> task<> {
            co_await b.arrive_and_wait();
            passed = true;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(other));
            co_await tests::turns(2);
            co_await b.arrive_and_wait();
            group.cancel();
        });
        CHECK(passed);
    });
}

TEST_CASE("barrier: cancelled at every suspension no arrival is left behind") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        int completions = 0;
        barrier b(3, [&] { ++completions; });
        auto worker = [&](std::size_t delay) -> task<> {
            for (int i = 0; i < 3; ++i) {
                co_await tests::turns(delay);
                co_await b.arrive_and_wait();
            }
        };
        auto body = [&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 3; ++i)
                group.spawn(std::ref(worker), i);
            co_return;
        };
        auto scenario = [&]() -> task<> { return with_task_group(body); };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            // Nobody waits: exactly three arrivals make the next phase.
            completions = 0;
            barrier& again = b;
            tests::doomed_context waits;
            auto arrive = [&]() -> task<> { co_await again.arrive_and_wait(); };
            waits.start(arrive());
            waits.start(arrive());
            CHECK(completions == 0);
            waits.start(arrive());
            CHECK(completions == 1);
            CHECK(b.expected() == 3);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}

TEST_CASE("barrier: a waiter that is destroyed with its context is not counted") {
    int completions = 0;
    barrier b(2, [&] { ++completions; });
    auto arrive = [&]() -> task<> { co_await b.arrive_and_wait(); };
    tests::doomed_context first;
    tests::doomed_context second;
    first.start(arrive());
    first.destroy();
    second.start(arrive());
    CHECK(completions == 0);
    second.start(arrive());
    CHECK(completions == 1);
}

TEST_CASE("barrier: tasks that come while a completion runs count for the next phase") {
    int completions = 0;
    int passed = 0;
    tests::doomed_context others;
    barrier* all = nullptr;
    auto arrive = [&]() -> task<> {
        co_await all->arrive_and_wait();
        ++passed;
    };
    // Three come during the first completion: two make a phase, run right after it; one is left over.
    barrier b(2, [&] {
        if (++completions != 1) return;
        for (int i = 0; i < 3; ++i)
            others.start(arrive());
        CHECK(passed == 0);
    });
    all = &b;
    tests::doomed_context first;
    first.start(arrive());
    block_on(arrive());
    first.run();
    others.run();
    CHECK(completions == 2);
    CHECK(passed == 4);
    block_on(arrive());
    others.run();
    CHECK(completions == 3);
    CHECK(passed == 6);
}

TEST_CASE("barrier: two loops and plain threads stay in step") {
    const std::size_t phases = tests::repeat(3'000, 300);
    std::size_t plain = 0; // written by the completion, read by all: ordered by the barrier
    barrier b(6, [&] { ++plain; });
    std::atomic<bool> out_of_step{false};
    auto worker = [&]() -> task<> {
        for (std::size_t i = 0; i < phases; ++i) {
            if (plain != i) out_of_step = true;
            co_await b.arrive_and_wait();
        }
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] { block_on(worker()); });
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn_on(rt.loop(i % 2), std::ref(worker));
            co_return;
        });
    });
    for (std::thread& t : threads)
        t.join();
    CHECK_FALSE(out_of_step);
    CHECK(plain == phases);
}

TEST_CASE("barrier: a storm of waits that give up and come again") {
    std::atomic<std::size_t> completions{0};
    std::atomic<std::size_t> passed{0};
    barrier b(2, [&] { ++completions; });
    auto worker = [&](tests::dice& random) -> task<> {
        auto race = co_await when_any(b.arrive_and_wait(), tests::patience(random));
        if (race.get<0>()) ++passed;
    };
    tests::storm(tests::repeat(4'000, 400), worker);
    CHECK(passed > 0);
    CHECK(passed == 2 * completions); // nobody was counted twice, or released alone
    tests::doomed_context waits;
    auto arrive = [&]() -> task<> { co_await b.arrive_and_wait(); };
    const std::size_t before = completions;
    waits.start(arrive());
    CHECK(completions == before); // no arrival was left behind
    waits.start(arrive());
    CHECK(completions == before + 1);
}

TEST_CASE("barrier: who drops out during a completion ends no phase for an arrival that is taken back") {
    int completions = 0;
    int passed = 0;
    tests::doomed_context one;
    tests::doomed_context two;
    barrier* all = nullptr;
    auto arrive = [&]() -> task<> {
        co_await all->arrive_and_wait();
        ++passed;
    };
    // Three are expected, two of them are there for the next phase, the third drops out; then one is not.
    barrier b(3, [&] {
        if (++completions != 1) return;
        one.start(arrive());
        two.start(arrive());
        all->arrive_and_drop();
        one.destroy();
    });
    all = &b;
    tests::doomed_context first;
    first.start(arrive());
    first.start(arrive());
    block_on(arrive());
    first.run();
    two.run();
    CHECK(completions == 1);
    CHECK(passed == 3);
    block_on(arrive());
    two.run();
    CHECK(completions == 2);
    CHECK(passed == 5);
}
