// Cancellation is level-triggered: in a task that was cancelled before, no operation goes through, although
// it could complete at once, and none takes anything. The exceptions are shown, too.
#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/sync/barrier.hpp>
#include <tandem/sync/broadcast.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/condition_variable.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/keyed_rate_limiter.hpp>
#include <tandem/sync/latch.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/sync/once.hpp>
#include <tandem/sync/priority_channel.hpp>
#include <tandem/sync/rate_limiter.hpp>
#include <tandem/sync/select.hpp>
#include <tandem/sync/semaphore.hpp>
#include <tandem/sync/shared_mutex.hpp>
#include <tandem/sync/watch.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// How `operation` ends, which the running task, cancelled, awaits.
template <class A>
task<ending> ends(A operation) {
    return tests::ends(as_task(std::move(operation)));
}

void cancel_this_task() {
    task_context::current()->request_cancel();
}

} // namespace

TEST_CASE("cancelled before: locks, permits and flags are left alone") {
    run_on_loop([]() -> task<> {
        event set(true);
        auto_reset_event signalled(true);
        mutex m;
        shared_mutex s;
        semaphore permits(2);
        latch open(0);
        barrier alone(1);
        rate_limiter rate(1, 1h, 2);
        keyed_rate_limiter<std::string> rates(1, 1h, 2);
        cancel_this_task();
        const ending of_event = co_await ends(set.wait());
        const ending of_auto_reset = co_await ends(signalled.wait());
        const ending of_mutex = co_await ends(m.lock());
        const ending of_writer = co_await ends(s.lock());
        const ending of_reader = co_await ends(s.lock_shared());
        const ending of_semaphore = co_await ends(permits.acquire(2));
        const ending of_latch = co_await ends(open.wait());
        const ending of_barrier = co_await ends(alone.arrive_and_wait());
        const ending of_rate = co_await ends(rate.acquire(2));
        const ending of_keyed = co_await ends(rates.acquire("a", 2));
        CHECK(of_event == ending::cancelled);
        CHECK(of_auto_reset == ending::cancelled);
        CHECK(of_mutex == ending::cancelled);
        CHECK(of_writer == ending::cancelled);
        CHECK(of_reader == ending::cancelled);
        CHECK(of_semaphore == ending::cancelled);
        CHECK(of_latch == ending::cancelled);
        CHECK(of_barrier == ending::cancelled);
        CHECK(of_rate == ending::cancelled);
        CHECK(of_keyed == ending::cancelled);
        CHECK(signalled.try_wait());
        CHECK(m.try_lock());
        CHECK(s.try_lock());
        CHECK(permits.available() == 2);
        CHECK(rate.try_acquire(2));
        CHECK(rates.try_acquire("a", 2));
    });
}

TEST_CASE("cancelled before: nothing is sent, nothing is received") {
    run_on_loop([]() -> task<> {
        channel<std::string> c(2);
        priority_channel<int> p(2);
        broadcast<int> b(2);
        watch<int> w(1);
        auto heard = b.subscribe();
        auto view = w.subscribe();
        static_cast<void>(c.try_send("first"));
        static_cast<void>(p.try_send(1));
        b.send(1);
        w.set(2);
        std::string mine = "mine";
        cancel_this_task();
        const ending of_send = co_await ends(c.send("x"));
        const ending of_receive = co_await ends(c.receive());
        const ending of_batch = co_await ends(c.receive_some(5));
        const ending of_priority_send = co_await ends(p.send(2));
        const ending of_priority = co_await ends(p.receive());
        const ending of_select = co_await ends(select(on_receive(c), on_send(c, mine)));
        const ending of_broadcast = co_await ends(heard.receive());
        const ending of_watch = co_await ends(view.changed());
        CHECK(of_send == ending::cancelled);
        CHECK(of_receive == ending::cancelled);
        CHECK(of_batch == ending::cancelled);
        CHECK(of_priority_send == ending::cancelled);
        CHECK(of_priority == ending::cancelled);
        CHECK(of_select == ending::cancelled);
        CHECK(of_broadcast == ending::cancelled);
        CHECK(of_watch == ending::cancelled);
        CHECK(c.size() == 1);
        CHECK(p.size() == 1);
        CHECK(mine == "mine");
        CHECK(heard.try_receive().has_value());
        CHECK(view.has_changed());
    });
}

TEST_CASE("cancelled before: what goes through all the same") {
    run_on_loop([]() -> task<> {
        mutex m;
        condition_variable ready;
        mutex_guard guard = co_await m.lock();
        once done;
        auto nothing = [] {};
        co_await done.call(nothing);
        once undone;
        latch arrivals(2);
        cancel_this_task();
        const ending of_true = co_await ends(ready.wait(guard, [] { return true; })); // nothing to wait for
        const ending of_false = co_await ends(ready.wait(guard, [] { return false; }));
        const ending of_plain = co_await ends(ready.wait(guard));
        const ending of_done = co_await ends(done.call(nothing));
        const ending of_undone = co_await ends(undone.call(nothing));
        const ending of_arrival = co_await ends(arrivals.arrive_and_wait());
        CHECK(of_true == ending::value);
        CHECK(of_false == ending::cancelled);
        CHECK(of_plain == ending::cancelled);
        CHECK(guard.holds(m));
        CHECK(of_done == ending::value);
        CHECK(of_undone == ending::cancelled);
        CHECK_FALSE(undone.done());
        CHECK(of_arrival == ending::cancelled);
        arrivals.count_down(); // the last one: the arrival stood
        CHECK(arrivals.try_wait());
    });
}
