// mutex, shared_mutex and condition_variable: exclusion and what it makes visible, hand-over against
// cancellation, no lost wake-up.
#include "tests/interleaving/support.hpp"
#include "tests/interleaving/test_loop.hpp"

#include <tandem/core/error.hpp>
#include <tandem/sync/condition_variable.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/sync/shared_mutex.hpp>

#include <memory>
#include <optional>

using explore::limits;
using explore::world;
using tests::test_loop;
using tests::test_task;
using effect = explore::mutation::effect;

namespace {

tandem::task<> add_one(tandem::mutex& m, explore::cell<int>& sum, int& done) {
    try {
        const tandem::mutex_guard guard = co_await m.lock();
        sum.set(sum.get() + 1);
        ++done;
    } catch (const tandem::operation_cancelled&) {
    }
}

void try_to_add_one(tandem::mutex& m, explore::cell<int>& sum, int& done) {
    if (const tandem::mutex_guard guard = m.try_lock()) {
        sum.set(sum.get() + 1);
        ++done;
    }
}

// One task locks, two plain threads try to.
void lock_and_try(world& w) {
    tandem::mutex m;
    explore::cell<int> sum(0);
    int done = 0;
    test_loop loop;
    test_task task(loop, add_one(m, sum, done));
    w.thread("loop", [&] { loop.run(); });
    w.thread("tries", [&] { try_to_add_one(m, sum, done); });
    w.thread("tries, too", [&] { try_to_add_one(m, sum, done); });
    w.join();
    explore::require(sum.get() == done && done >= 1, "each holder counts");
    explore::require(static_cast<bool>(m.try_lock()), "the mutex is free at the end");
}

// A waiter that is cancelled while the mutex is handed over.
void hand_over_or_cancel(world& w) {
    tandem::mutex m;
    explore::cell<int> sum(0);
    int done = 0;
    test_loop loop;
    test_task task(loop, add_one(m, sum, done));
    tandem::mutex_guard held = m.try_lock();
    w.thread("loop", [&] { loop.run(); });
    w.thread("holder", [&] {
        sum.set(sum.get() + 1);
        held.release();
    });
    w.thread("canceller", [&] { task.request_cancel(); });
    w.join();
    explore::require(sum.get() == 1 + done, "each holder counts");
    explore::require(static_cast<bool>(m.try_lock()), "the mutex is free at the end");
}

tandem::task<> lock_twice_and_destroy(std::unique_ptr<tandem::mutex>& m) {
    {
        const tandem::mutex_guard guard = co_await m->lock();
    }
    m.reset();
}

tandem::task<> share(tandem::shared_mutex& m, explore::cell<int>& value) {
    const auto guard = co_await m.lock_shared();
    static_cast<void>(value.get());
}
tandem::task<> write(tandem::shared_mutex& m, explore::cell<int>& value) {
    const auto guard = co_await m.lock();
    value.set(value.get() + 1);
}

tandem::task<> wait_until(tandem::mutex& m, tandem::condition_variable& changed, const bool& set,
                          int& outcome) {
    try {
        tandem::mutex_guard guard = co_await m.lock();
        outcome = 1;
        co_await changed.wait(guard, [&set] { return set; });
        outcome = 2;
    } catch (const tandem::operation_cancelled&) {
        outcome = 3;
    }
}
tandem::task<> set_it(tandem::mutex& m, tandem::condition_variable& changed, bool& set) {
    {
        const tandem::mutex_guard guard = co_await m.lock();
        set = true;
    }
    changed.notify_one();
}

} // namespace

TEST_CASE("mutex: exclusion, visibility, hand-over against cancellation and destruction") {
    limits one_odd_load;
    tests::holds("mutex: a task against two threads that try", lock_and_try, one_odd_load);
    tests::holds("mutex: hand-over against cancel", hand_over_or_cancel);
    tests::holds("mutex: destroyed after the hand-over", [](world& w) {
        auto m = std::make_unique<tandem::mutex>();
        tandem::mutex_guard held = m->try_lock();
        test_loop loop;
        test_task task(loop, lock_twice_and_destroy(m));
        w.thread("loop", [&] { loop.run(); });
        w.thread("holder", [&] { held.release(); });
        w.join();
    });
}

TEST_CASE("mutex: planted bugs are found") {
    tests::finds("bug: locked without comparing", {"mutex.hpp", "::take", "cas", effect::succeed}, "",
                 lock_and_try);
    tests::finds("bug: locking is relaxed", {"mutex.hpp", "mutex::take", "cas", effect::relax}, "races",
                 lock_and_try);
    tests::finds("bug: unlocking is relaxed", {"mutex.hpp", "mutex::unlock", "cas", effect::relax}, "races",
                 lock_and_try);
    tests::finds("bug: unlocked without a look at the waiters",
                 {"mutex.hpp", "mutex::unlock", "cas", effect::succeed}, "", hand_over_or_cancel);
    tests::finds("bug: the last waiter's leaving is not noted",
                 {"mutex.cpp", "::list_changed", "store", effect::skip}, "", hand_over_or_cancel);
}

TEST_CASE("shared_mutex: readers see the writer's work, nobody is forgotten") {
    limits few;
    few.stale_loads = 0;
    tests::holds(
        "shared_mutex: two readers, one writer",
        [](world& w) {
            tandem::shared_mutex m;
            explore::cell<int> value(0);
            test_loop one, two;
            test_task first(one, share(m, value));
            test_task writer(two, write(m, value));
            test_task second(two, share(m, value));
            w.thread("loop one", [&] { one.run(); });
            w.thread("loop two", [&] { two.run(); });
            w.join();
            explore::require(value.get() == 1, "it was written");
        },
        few);
}

TEST_CASE("condition_variable: a notification is not lost, the mutex is held after the wait") {
    limits few;
    few.stale_loads = 0;
    for (const bool cancel : {false, true})
        tests::holds(
            cancel ? "condition_variable: notify against cancel" : "condition_variable: notify against wait",
            [cancel](world& w) {
                tandem::mutex m;
                tandem::condition_variable changed;
                bool set = false;
                int outcome = 0;
                test_loop one, two;
                test_task waiter(one, wait_until(m, changed, set, outcome));
                test_task setter(two, set_it(m, changed, set));
                w.thread("loop one", [&] { one.run(); });
                w.thread("loop two", [&] { two.run(); });
                if (cancel) w.thread("canceller", [&] { waiter.request_cancel(); });
                w.join();
                explore::require(outcome == 2 || (cancel && outcome == 3), "the wait ends");
                explore::require(static_cast<bool>(m.try_lock()), "the mutex is free at the end");
            },
            few);
}
