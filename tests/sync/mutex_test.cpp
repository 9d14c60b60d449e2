#include <tandem/concurrency/task_group.hpp>
#include <tandem/sync/mutex.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("mutex: one at a time, in order") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        mutex m;
        bool taken = false;
        auto section = [&](int me) -> task<> {
            const mutex_guard guard = co_await m.lock();
            CHECK_FALSE(taken);
            taken = true;
            co_await tests::turns(2);
            taken = false;
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 20; ++i)
                group.spawn(std::ref(section), i);
            co_await yield();
            CHECK_FALSE(m.try_lock());
        });
        CHECK(m.try_lock());
    });
    REQUIRE(order.size() == 20);
    for (int i = 0; i < 20; ++i)
        CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("mutex: try_lock, release, and a guard that is moved") {
    mutex m;
    mutex_guard a = m.try_lock();
    CHECK(a);
    CHECK_FALSE(m.try_lock());
    mutex_guard b = std::move(a);
    CHECK_FALSE(m.try_lock());
    b.release();
    CHECK(m.try_lock());
}

TEST_CASE("mutex: cancelled at every suspension it is never left locked") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        mutex m;
        int depth = 0;
        auto section = [&]() -> task<> {
            const mutex_guard guard = co_await m.lock();
            ++depth;
            const ending how = co_await tests::ends(tests::turns(2));
            CHECK(depth == 1);
            --depth;
            if (how != ending::value) throw operation_cancelled();
        };
        auto body = [&](task_group& group) -> task<> {
            for (int i = 0; i < 5; ++i)
                group.spawn(std::ref(section));
            co_return;
        };
        auto scenario = [&]() -> task<> { return with_task_group(body); };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(depth == 0);
            CHECK(m.try_lock());
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}

TEST_CASE("mutex: guards plain data of tasks on two loops") {
    const std::size_t each = tests::repeat(10'000, 2'000);
    runtime rt(tests::loops(2));
    mutex m;
    std::size_t plain = 0; // a data race for ThreadSanitizer if the lock did not order its holders
    auto worker = [&]() -> task<> {
        for (std::size_t i = 0; i < each; ++i) {
            const mutex_guard guard = co_await m.lock();
            ++plain;
            if (i % 64 == 0) co_await yield();
        }
    };
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn_on(rt.loop(i % 2), std::ref(worker));
            co_return;
        });
    });
    CHECK(plain == 4 * each);
}

TEST_CASE("mutex: handed over in order, and a newcomer never overtakes") {
    std::vector<int> order;
    bool overtook = false;
    run_on_loop([&]() -> task<> {
        mutex m;
        mutex_guard mine = m.try_lock();
        auto note = [&](int me) -> task<> {
            const mutex_guard guard = co_await m.lock();
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 10; ++i)
                group.spawn(std::ref(note), i);
            co_await tests::turns(2);
            mine.release();
            overtook = static_cast<bool>(m.try_lock()); // it is the first waiter's already
            mine = co_await m.lock();                   // and this stands behind all of them
            order.push_back(10);
        });
        CHECK(mine.holds(m));
        mine.release();
        CHECK_FALSE(mine.holds(m));
        CHECK(m.try_lock());
    });
    CHECK_FALSE(overtook);
    CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
}

TEST_CASE("mutex: when all waiters have withdrawn it is free again") {
    run_on_loop([]() -> task<> {
        mutex m;
        mutex_guard mine = m.try_lock();
        auto wait = [&]() -> task<> { const mutex_guard guard = co_await m.lock(); };
        task_group group;
        group.spawn(std::ref(wait));
        group.spawn(std::ref(wait));
        co_await tests::turns(2);
        group.cancel();
        co_await group.join();
        CHECK_FALSE(m.try_lock());
        mine.release();
        CHECK(m.try_lock());
    });
}

TEST_CASE("mutex: granted in the turn of a cancellation it is in the guard") {
    run_on_loop([]() -> task<> {
        mutex m;
        mutex_guard mine = m.try_lock();
        mutex_guard got;
        auto wait = [&]() -> task<> { got = co_await m.lock(); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(wait));
            co_await tests::turns(2);
            mine.release();
            group.cancel();
        });
        CHECK(got.holds(m));
        CHECK_FALSE(m.try_lock());
    });
}

TEST_CASE("mutex: uncontended locks do not starve another task") {
    bool stop = false;
    std::size_t locks = 0;
    run_on_loop([&]() -> task<> {
        mutex m;
        auto greedy = [&]() -> task<> {
            for (; !stop && locks < 1'000'000; ++locks)
                const mutex_guard guard = co_await m.lock();
        };
        auto other = [&]() -> task<> {
            co_await tests::turns(10);
            stop = true;
        };
        co_await when_all(greedy(), other());
    });
    CHECK(locks < 10'000);
}

TEST_CASE("mutex: a waiter that is destroyed with its context leaves, one that was granted passes it on") {
    mutex m;
    std::vector<int> got;
    auto wait = [&](int me) -> task<> {
        const mutex_guard guard = co_await m.lock();
        got.push_back(me);
    };
    mutex_guard mine = m.try_lock();
    tests::doomed_context first;
    tests::doomed_context second;
    first.start(wait(1));
    second.start(wait(2));
    SECTION("while it waits") {
        first.destroy();
        mine.release();
    }
    SECTION("as the last one") {
        second.destroy();
        first.destroy();
        mine.release();
        CHECK(m.try_lock());
        second = tests::doomed_context();
        second.start(wait(2));
    }
    SECTION("between the grant and its turn") {
        mine.release();
        CHECK_FALSE(m.try_lock());
        first.destroy();
    }
    second.run();
    CHECK(got == std::vector<int>{2});
    CHECK(m.try_lock());
}

TEST_CASE("mutex: a storm of races between lock and time loses no wake-up") {
    mutex m;
    std::size_t plain = 0;
    std::atomic<std::size_t> locked{0};
    auto worker = [&](tests::dice& random) -> task<> {
        auto race = co_await when_any(m.lock(), tests::patience(random));
        if (!race.get<0>()) co_return;
        mutex_guard guard = std::move(race.get<0>().value());
        ++plain;
        ++locked;
        if (random.below(4) == 0) co_await yield();
    };
    tests::storm(tests::repeat(5'000, 500), worker);
    CHECK(plain == locked);
    CHECK(m.try_lock());
}
