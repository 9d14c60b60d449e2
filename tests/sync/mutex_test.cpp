#include <tandem/concurrency/task_group.hpp>
#include <tandem/sync/mutex.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

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
