#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("event: set before, set after, reset") {
    run_on_loop([]() -> task<> {
        event e(true);
        CHECK(e.is_set());
        co_await e.wait();
        e.set(); // idempotent
        e.reset();
        CHECK_FALSE(e.is_set());
        bool woke = false;
        auto waiter = [&]() -> task<> {
            co_await e.wait();
            woke = true;
        };
        auto setter = [&]() -> task<> {
            co_await tests::turns(3);
            CHECK_FALSE(woke);
            e.set();
        };
        co_await when_all(waiter(), setter());
        CHECK(woke);
    });
}

TEST_CASE("event: wakes all waiters in order of arrival, also when it is reset at once") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        event e;
        auto waiter = [&](int me) -> task<> {
            co_await e.wait();
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 50; ++i)
                group.spawn(std::ref(waiter), i);
            co_await yield();
            e.set();
            e.reset(); // those who waited were over already
        });
    });
    REQUIRE(order.size() == 50);
    for (int i = 0; i < 50; ++i)
        CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("event: cancelled at every suspension") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        event e;
        auto waiter = [&]() -> task<> { co_await e.wait(); };
        auto body = [&](task_group& group) -> task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn(std::ref(waiter));
            co_await tests::turns(5);
            e.set();
        };
        auto scenario = [&]() -> task<> { return with_task_group(body); };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            e.set(); // touches nobody that is gone
            e.reset();
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 6);
}

TEST_CASE("event: a wait that was over succeeds although the task is cancelled in the same turn") {
    run_on_loop([]() -> task<> {
        event e;
        bool over = false;
        auto waiter = [&]() -> task<> {
            co_await e.wait();
            over = true;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(waiter));
            co_await yield();
            e.set();
            group.cancel();
        });
        CHECK(over);
    });
}

TEST_CASE("event: a cancelled task does not pass a set event") {
    run_on_loop([]() -> task<> {
        event e(true);
        ending how = ending::value;
        auto waiter = [&]() -> task<> {
            how = co_await tests::ends(tests::turns(1000));
            how = co_await tests::ends(as_task(e.wait())); // level-triggered: still cancelled
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(waiter));
            co_await yield();
            group.cancel();
        });
        CHECK(how == ending::cancelled);
    });
}

TEST_CASE("event: a waiter may destroy the event that woke it") {
    const std::size_t rounds = tests::repeat(20'000, 3'000);
    runtime rt(tests::loops(1));
    std::atomic<event*> shared{nullptr};
    std::atomic<bool> stop{false};
    std::thread setter([&] {
        while (!stop) {
            if (event* const e = shared.exchange(nullptr)) e->set();
        }
    });
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            auto e = std::make_unique<event>();
            shared = e.get();
            co_await e->wait();
        }
    });
    stop = true;
    setter.join();
    CHECK(shared.load() == nullptr);
}

TEST_CASE("event: a million wake-ups from other threads, none lost") {
    constexpr std::size_t each = tests::repeat(500'000, 50'000);
    runtime rt(tests::loops(2));
    // Two ping-pongs between a thread and a task; each round hangs if a wake-up is lost.
    struct table {
        event ball;
        std::atomic<std::size_t> answered{0};
    };
    table tables[2];
    std::vector<std::thread> threads;
    for (table& t : tables)
        threads.emplace_back([&t] {
            for (std::size_t i = 1; i <= each; ++i) {
                t.ball.set();
                while (t.answered.load() < i)
                    t.answered.wait(i - 1);
            }
        });
    std::size_t seen[2] = {0, 0};
    auto player = [&](std::size_t i) -> task<> {
        while (seen[i] < each) {
            co_await tables[i].ball.wait();
            tables[i].ball.reset();
            ++seen[i];
            tables[i].answered.store(seen[i]);
            tables[i].answered.notify_one();
        }
    };
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(0), std::ref(player), std::size_t{0});
            group.spawn_on(rt.loop(1), std::ref(player), std::size_t{1});
            co_return;
        });
    });
    for (std::thread& t : threads)
        t.join();
    CHECK(seen[0] == each);
    CHECK(seen[1] == each);
}

TEST_CASE("auto_reset_event: a signal is consumed once, and stays until then") {
    auto_reset_event e;
    CHECK_FALSE(e.try_wait());
    e.set();
    e.set(); // the same signal
    CHECK(e.is_set());
    block_on(e.wait());
    CHECK_FALSE(e.is_set());
    e.set();
    CHECK(e.try_wait());
    CHECK_FALSE(e.try_wait());
    e.set();
    e.reset();
    CHECK_FALSE(e.is_set());
    auto_reset_event begun(true);
    CHECK(begun.try_wait());
}

TEST_CASE("auto_reset_event: each set wakes one waiter, the oldest") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        auto_reset_event e;
        auto wait = [&](int me) -> task<> {
            co_await e.wait();
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 4; ++i)
                group.spawn(std::ref(wait), i);
            co_await tests::turns(2);
            e.set();
            CHECK_FALSE(e.is_set()); // it is the first waiter's
            CHECK_FALSE(e.try_wait());
            co_await tests::turns(3);
            CHECK(order == std::vector<int>{0});
            e.set();
            e.set();
            co_await tests::turns(3);
            CHECK(order == std::vector<int>{0, 1, 2});
            e.set();
        });
        CHECK_FALSE(e.is_set());
    });
    CHECK(order == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("auto_reset_event: cancelled at every suspension no signal is lost") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto_reset_event e;
        int set = 0;
        int consumed = 0;
        auto wait = [&]() -> task<> {
            co_await e.wait();
            ++consumed;
        };
        auto signal = [&](std::size_t delay) -> task<> {
            co_await tests::turns(delay);
            ++set;
            e.set();
        };
        auto body = [&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 3; ++i) {
                group.spawn(std::ref(wait));
                group.spawn(std::ref(signal), 2 * i + 1);
            }
            co_return;
        };
        auto scenario = [&]() -> task<> {
            set = consumed = 0;
            e.reset();
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            if (how == ending::value && set == 3) { // set < 3: cancelled before the group had begun
                CHECK(consumed == 3);
                CHECK_FALSE(e.is_set());
            }
            // Signals that found a waiter were consumed by it; several that found none are one.
            CHECK(consumed <= set);
            if (consumed < set) CHECK(e.is_set());
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 5);
}

TEST_CASE("auto_reset_event: a waiter destroyed with its context leaves the signal to the next") {
    auto_reset_event e;
    bool woke = false;
    auto wait = [&]() -> task<> {
        co_await e.wait();
        woke = true;
    };
    tests::doomed_context first;
    tests::doomed_context second;
    first.start(wait());
    SECTION("while it waits") {
        second.start(wait());
        first.destroy();
        e.set();
    }
    SECTION("between the signal and its turn, with another waiter") {
        second.start(wait());
        e.set();
        first.destroy();
    }
    SECTION("between the signal and its turn, alone") {
        e.set();
        first.destroy();
        CHECK(e.is_set());
        second.start(wait());
    }
    second.run();
    CHECK(woke);
    CHECK_FALSE(e.is_set());
}

TEST_CASE("auto_reset_event: a token that goes round in a storm of waits that give up") {
    auto_reset_event e(true); // the token: whoever consumes the signal is alone, and sets it again
    std::size_t plain = 0;
    std::atomic<std::size_t> consumed{0};
    auto worker = [&](tests::dice& random) -> task<> {
        auto race = co_await when_any(e.wait(), tests::patience(random));
        if (!race.get<0>()) co_return;
        ++plain;
        ++consumed;
        if (random.below(4) == 0) co_await yield();
        e.set();
    };
    tests::storm(tests::repeat(5'000, 500), worker);
    CHECK(plain == consumed);
    CHECK(e.try_wait()); // not lost
    CHECK_FALSE(e.try_wait());
}
