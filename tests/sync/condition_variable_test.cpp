#include <tandem/sync/condition_variable.hpp>

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <atomic>
#include <deque>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("condition_variable: waits with the mutex given up, and holds it again afterwards") {
    run_on_loop([]() -> task<> {
        mutex m;
        condition_variable changed;
        bool ready = false;
        bool done = false;
        auto wait = [&]() -> task<> {
            mutex_guard guard = co_await m.lock();
            co_await changed.wait(guard, [&] { return ready; });
            CHECK(guard.holds(m));
            CHECK_FALSE(m.try_lock());
            done = true;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(wait));
            co_await tests::turns(3);
            mutex_guard guard = m.try_lock(); // given up
            CHECK(guard);
            changed.notify_one(); // the predicate is false: it waits on
            guard.release();
            co_await tests::turns(5);
            CHECK_FALSE(done);
            guard = m.try_lock();
            CHECK(guard);
            ready = true;
            changed.notify_one();
            co_await tests::turns(5);
            CHECK_FALSE(done); // the mutex is held here
            guard.release();
        });
        CHECK(done);
        CHECK(m.try_lock());
    });
}

TEST_CASE("condition_variable: a predicate that is true at first does not wait, errors") {
    run_on_loop([]() -> task<> {
        mutex m;
        condition_variable changed;
        mutex_guard guard = co_await m.lock();
        co_await changed.wait(guard, [] { return true; });
        CHECK(guard.holds(m));
        auto fail = []() -> bool { throw std::runtime_error("predicate"); };
        const std::string message = co_await tests::message_of(changed.wait(guard, fail));
        CHECK(message == "predicate");
        CHECK(guard.holds(m));
        mutex_guard none;
        const ending how = co_await tests::ends(changed.wait(none));
        CHECK(how == ending::error);
        changed.notify_one(); // without a waiter: nothing, and nothing stays
        changed.notify_all();
        const ending late = co_await tests::ends(with_timeout(2ms, changed.wait(guard)));
        CHECK(late == ending::timeout);
        CHECK(guard.holds(m));
    });
}

TEST_CASE("condition_variable: woken in order of arrival, one or all") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        mutex m;
        condition_variable changed;
        auto wait = [&](int me) -> task<> {
            mutex_guard guard = co_await m.lock();
            co_await changed.wait(guard);
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 5; ++i)
                group.spawn(std::ref(wait), i);
            co_await tests::turns(4);
            changed.notify_one();
            co_await tests::turns(6);
            CHECK(order == std::vector<int>{0});
            changed.notify_one();
            co_await tests::turns(6);
            CHECK(order == std::vector<int>{0, 1});
            changed.notify_all();
        });
    });
    CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("condition_variable: a cancelled wait holds the mutex when it throws, however long that takes") {
    run_on_loop([]() -> task<> {
        mutex m;
        condition_variable changed;
        bool threw = false;
        auto wait = [&]() -> task<> {
            mutex_guard guard = co_await m.lock();
            const ending how = co_await tests::ends(changed.wait(guard));
            CHECK(how == ending::cancelled);
            CHECK(guard.holds(m));
            threw = true;
            const ending again = co_await tests::ends(changed.wait(guard)); // cancelled before: at once
            CHECK(again == ending::cancelled);
            CHECK(guard.holds(m));
        };
        task_group group;
        group.spawn(std::ref(wait));
        co_await tests::turns(3);
        mutex_guard mine = m.try_lock();
        CHECK(mine);
        group.cancel();
        co_await tests::turns(6);
        CHECK_FALSE(threw);
        mine.release();
        co_await group.join();
        CHECK(threw);
        CHECK(m.try_lock());
    });
}

TEST_CASE("condition_variable: a notification and a cancellation in one turn: one of them, never neither") {
    for (const bool notify_first : {true, false}) {
        int woken = 0;
        int gave_up = 0;
        run_on_loop([&]() -> task<> {
            mutex m;
            condition_variable changed;
            auto wait = [&]() -> task<> {
                mutex_guard guard = co_await m.lock();
                const ending how = co_await tests::ends(changed.wait(guard));
                ++(how == ending::value ? woken : gave_up);
            };
            task_group first;
            first.spawn(std::ref(wait));
            co_await tests::turns(3);
            task_group second;
            second.spawn(std::ref(wait));
            co_await tests::turns(3);
            if (notify_first) changed.notify_one();
            first.cancel();
            if (!notify_first) changed.notify_one();
            co_await first.join();
            co_await tests::turns(3);
            second.cancel();
            co_await second.join();
        });
        CHECK(woken == 1); // the first when it was notified first, otherwise the second
        CHECK(gave_up == 1);
    }
}

TEST_CASE("condition_variable: woken with its predicate false and then cancelled, it passes the wake-up on") {
    run_on_loop([]() -> task<> {
        mutex m;
        condition_variable changed;
        bool for_first = false;
        bool for_second = false;
        bool served = false;
        auto wait = [&](bool& mine) -> task<> {
            mutex_guard guard = co_await m.lock();
            co_await changed.wait(guard, [&] { return mine; });
            served = true;
        };
        task_group first;
        first.spawn(std::ref(wait), std::ref(for_first));
        co_await tests::turns(3);
        co_await with_task_group([&](task_group& second) -> task<> {
            second.spawn(std::ref(wait), std::ref(for_second));
            co_await tests::turns(3);
            for_second = true;
            changed.notify_one(); // goes to the first, which has no use for it
            first.cancel();
        });
        CHECK(served);
        co_await first.join();
    });
}

TEST_CASE("condition_variable: woken, and its predicate throws, it passes the wake-up on") {
    run_on_loop([]() -> task<> {
        mutex m;
        condition_variable changed;
        bool broken = false;
        bool ready = false;
        bool served = false;
        bool thrown = false;
        auto first = [&]() -> task<> {
            mutex_guard guard = co_await m.lock();
            try {
                co_await changed.wait(guard, [&] { return broken ? throw std::runtime_error("no") : false; });
            } catch (const std::runtime_error&) {
                thrown = true;
            }
        };
        auto second = [&]() -> task<> {
            mutex_guard guard = co_await m.lock();
            co_await changed.wait(guard, [&] { return ready; });
            served = true;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(first));
            co_await tests::turns(3);
            group.spawn(std::ref(second));
            co_await tests::turns(3);
            broken = ready = true;
            changed.notify_one();
            co_await tests::turns(10);
            CHECK(thrown);
            CHECK(served);
            group.cancel();
        });
    });
}

TEST_CASE("condition_variable: cancelled at every suspension the mutex is free afterwards and nobody waits") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        mutex m;
        condition_variable changed;
        int items = 0;
        auto take = [&]() -> task<> {
            mutex_guard guard = co_await m.lock();
            try {
                co_await changed.wait(guard, [&] { return items > 0; });
            } catch (const operation_cancelled&) {
                CHECK(guard.holds(m));
                throw;
            }
            CHECK(guard.holds(m));
            --items;
        };
        auto put = [&](std::size_t delay) -> task<> {
            co_await tests::turns(delay);
            const mutex_guard guard = co_await m.lock();
            ++items;
            co_await tests::ends(tests::turns(1));
            changed.notify_one();
        };
        auto body = [&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 3; ++i) {
                group.spawn(std::ref(take));
                group.spawn(std::ref(put), 2 * i);
            }
            co_return;
        };
        auto scenario = [&]() -> task<> {
            items = 0;
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(m.try_lock());
            if (how == ending::value) CHECK(items == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}

TEST_CASE("condition_variable: a waiter destroyed with its context leaves the wake-up to the next") {
    mutex m;
    condition_variable changed;
    bool woke = false;
    auto wait = [&]() -> task<> {
        mutex_guard guard = co_await m.lock();
        co_await changed.wait(guard);
        woke = true;
    };
    tests::doomed_context first;
    tests::doomed_context second;
    first.start(wait());
    second.start(wait());
    SECTION("while it waits") {
        first.destroy();
        changed.notify_one();
    }
    SECTION("between the notification and its turn") {
        changed.notify_one();
        first.destroy();
    }
    SECTION("while it locks the mutex again") {
        mutex_guard mine = m.try_lock();
        CHECK(mine);
        changed.notify_all();
        first.run();
        second.run();
        first.destroy();
        CHECK_FALSE(woke);
    }
    second.run();
    CHECK(woke);
    CHECK(m.try_lock());
}

TEST_CASE("condition_variable: a bounded queue between two loops and plain threads") {
    const int each = static_cast<int>(tests::repeat(5'000, 500));
    mutex m;
    condition_variable not_empty;
    condition_variable not_full;
    std::deque<int> queue;
    long long sum = 0;
    auto produce = [&]() -> task<> {
        for (int i = 1; i <= each; ++i) {
            mutex_guard guard = co_await m.lock();
            co_await not_full.wait(guard, [&] { return queue.size() < 3; });
            queue.push_back(i);
            not_empty.notify_one();
        }
    };
    auto consume = [&]() -> task<> {
        for (int i = 1; i <= each; ++i) {
            mutex_guard guard = co_await m.lock();
            co_await not_empty.wait(guard, [&] { return !queue.empty(); });
            sum += queue.front();
            queue.pop_front();
            not_full.notify_one();
        }
    };
    std::thread producer([&] { block_on(produce()); });
    std::thread consumer([&] { block_on(consume()); });
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 2; ++i) {
                group.spawn_on(rt.loop(i), std::ref(produce));
                group.spawn_on(rt.loop(1 - i), std::ref(consume));
            }
            co_return;
        });
    });
    producer.join();
    consumer.join();
    CHECK(queue.empty());
    CHECK(sum == 3LL * each * (each + 1) / 2);
}

TEST_CASE("condition_variable: a storm of waits that give up loses no item and no wake-up") {
    mutex m;
    condition_variable not_empty;
    int items = 0;
    std::atomic<int> put{0};
    std::atomic<int> taken{0};
    auto take = [&]() -> task<> {
        mutex_guard guard = co_await m.lock();
        co_await not_empty.wait(guard, [&] { return items > 0; });
        --items;
        ++taken;
    };
    auto worker = [&](tests::dice& random) -> task<> {
        if (random.below(2) == 0) {
            auto race = co_await when_any(take(), tests::patience(random));
            co_return;
        }
        const mutex_guard guard = co_await m.lock();
        ++items;
        ++put;
        not_empty.notify_one();
    };
    tests::storm(tests::repeat(4'000, 400), worker);
    CHECK(m.try_lock());
    CHECK(items == put - taken);
}
