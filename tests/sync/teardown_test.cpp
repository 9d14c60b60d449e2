// A runtime that is destroyed while its tasks wait in primitives that live longer.
#include <tandem/core/block_on.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/sync/barrier.hpp>
#include <tandem/sync/condition_variable.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/latch.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/sync/once.hpp>
#include <tandem/sync/semaphore.hpp>
#include <tandem/sync/shared_mutex.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <chrono>

using namespace std::chrono_literals;
using namespace tandem;

TEST_CASE("teardown: tasks that wait in every primitive leave it when their runtime is destroyed") {
    mutex m;
    semaphore s(1);
    shared_mutex rw;
    event manual;
    auto_reset_event automatic;
    latch l(1);
    barrier b(2);
    condition_variable cv;
    mutex cv_mutex;
    once o;

    mutex_guard m_held = m.try_lock();
    semaphore_permit s_held = s.try_acquire();
    shared_mutex::read_guard rw_held = rw.try_lock_shared();
    std::atomic<int> waiting{0};
    std::atomic<int> went_on{0};

    auto wait = [&](auto operation) -> task<> {
        ++waiting;
        static_cast<void>(co_await std::move(operation));
        ++went_on;
    };
    auto wait_cv = [&]() -> task<> {
        mutex_guard guard = co_await cv_mutex.lock();
        ++waiting;
        co_await cv.wait(guard);
        ++went_on;
    };
    auto never = [&]() -> task<> { co_await manual.wait(); };
    {
        runtime rt(tests::loops(2).drain_timeout(1ms));
        for (std::size_t loop = 0; loop < 2; ++loop) {
            rt.spawn(wait(m.lock()), loop);
            rt.spawn(wait(s.acquire()), loop);
            rt.spawn(wait(rw.lock()), loop);
            rt.spawn(wait(rw.lock_shared()), loop);
            rt.spawn(wait(manual.wait()), loop);
            rt.spawn(wait(automatic.wait()), loop);
            rt.spawn(wait(l.wait()), loop);
            rt.spawn(wait(o.call(std::ref(never))), loop);
            rt.spawn(wait_cv(), loop);
        }
        rt.spawn(wait(b.arrive_and_wait()), 1);
        rt.run([&]() -> task<> {
            while (waiting != 19)
                co_await yield();
        });
    }
    CHECK(went_on == 0);
    CHECK_FALSE(m.try_lock());
    m_held.release();
    CHECK(m.try_lock());
    CHECK(s.available() == 0);
    s_held.release();
    CHECK(s.try_acquire());
    CHECK(rw.try_lock_shared()); // no writer waits any more
    rw_held.release();
    CHECK(rw.try_lock());
    manual.set();
    automatic.set();
    CHECK(automatic.try_wait());
    l.count_down();
    cv.notify_all();
    CHECK(cv_mutex.try_lock());
    CHECK_FALSE(o.done());
    block_on(o.call([] {}));
    CHECK(o.done());
    b.arrive_and_drop(); // nobody waits: this ends no phase
    CHECK(b.expected() == 1);
    block_on(b.arrive_and_wait());
    CHECK(went_on == 0);
}

TEST_CASE("teardown: a task whose wait cannot be cancelled is destroyed in it") {
    mutex m;
    condition_variable cv;
    mutex_guard held;
    bool went_on = false;
    {
        runtime rt(tests::small().drain_timeout(1ms));
        auto wait = [&]() -> task<> {
            mutex_guard guard = co_await m.lock();
            co_await cv.wait(guard);
            went_on = true;
        };
        rt.spawn(wait());
        rt.run([&]() -> task<> {
            co_await tests::turns(3);
            held = co_await m.lock();
            cv.notify_one();
            co_await tests::turns(3); // now it wants the mutex, which this test keeps
        });
    }
    CHECK_FALSE(went_on);
    CHECK(held.holds(m));
    held.release();
    CHECK(m.try_lock());
}
