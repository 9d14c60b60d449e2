// Where tasks meet, or are told: auto_reset_event, latch, barrier, once, broadcast, watch.
#include "tests/interleaving/support.hpp"
#include "tests/interleaving/test_loop.hpp"

#include <tandem/core/error.hpp>
#include <tandem/sync/barrier.hpp>
#include <tandem/sync/broadcast.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/latch.hpp>
#include <tandem/sync/once.hpp>
#include <tandem/sync/watch.hpp>

#include <cstdint>
#include <memory>

using explore::limits;
using explore::world;
using tests::test_loop;
using tests::test_task;

namespace {

enum class outcome { none, passed, cancelled };

template <class Waitable>
tandem::task<> wait_for(Waitable& w, outcome& result) {
    try {
        co_await w.wait();
        result = outcome::passed;
    } catch (const tandem::operation_cancelled&) {
        result = outcome::cancelled;
    }
}

// Belongs to the one who waits.
tandem::task<> wait_and_destroy(std::unique_ptr<tandem::latch>& l) {
    co_await l->wait();
    l.reset();
}

// Who is cancelled drops out, so that the others need not wait.
tandem::task<> meet(tandem::barrier& b, outcome& result) {
    try {
        co_await b.arrive_and_wait();
        result = outcome::passed;
    } catch (const tandem::operation_cancelled&) {
        b.arrive_and_drop();
        result = outcome::cancelled;
    }
}

tandem::task<> meet_often(tandem::barrier& b, int times, const int& completions) {
    for (int i = 0; i < times; ++i) {
        explore::require(completions == i, "in step");
        co_await b.arrive_and_wait();
    }
}

tandem::task<> call(tandem::once& o, tandem::event& go, int& ran, outcome& result) {
    try {
        co_await o.call([&]() -> tandem::task<> {
            co_await go.wait();
            ++ran;
        });
        explore::require(ran == 1, "it was done before");
        result = outcome::passed;
    } catch (const tandem::operation_cancelled&) {
        result = outcome::cancelled;
    }
}

// Everything up to the end or a cancellation, and how much was lost.
tandem::task<> listen(tandem::broadcast<int>::receiver& from, int& last, std::uint64_t& count) {
    try {
        while (auto next = co_await from.receive()) {
            explore::require(*next > last, "in order");
            last = *next;
            count += 1 + next.lost();
        }
    } catch (const tandem::operation_cancelled&) {
    }
}

tandem::task<> follow(tandem::watch<int>::receiver& view, int& seen) {
    try {
        while (co_await view.changed())
            seen = view.get();
    } catch (const tandem::operation_cancelled&) {
    }
}

limits orders_only() {
    limits most;
    most.stale_loads = 0; // all state is under one lock
    return most;
}

} // namespace

TEST_CASE("auto_reset_event: a signal is consumed once, or stays") {
    tests::holds("auto_reset_event: set against cancel", [](world& w) {
        tandem::auto_reset_event e;
        outcome a = outcome::none;
        test_loop loop;
        test_task task(loop, wait_for(e, a));
        w.thread("loop", [&] { loop.run(); });
        w.thread("setter", [&] { e.set(); });
        w.thread("canceller", [&] { task.request_cancel(); });
        w.join();
        explore::require((a == outcome::passed) != e.is_set(), "the signal is consumed or there");
    });
    tests::holds(
        "auto_reset_event: one signal, two waiters",
        [](world& w) {
            tandem::auto_reset_event e;
            outcome a = outcome::none, b = outcome::none;
            test_loop loop;
            test_task first(loop, wait_for(e, a));
            test_task second(loop, wait_for(e, b));
            w.thread("loop", [&] { loop.run(); });
            w.thread("setter", [&] {
                e.set();
                second.request_cancel();
            });
            w.thread("canceller", [&] { first.request_cancel(); });
            w.join();
            const int consumed = (a == outcome::passed) + (b == outcome::passed);
            explore::require(consumed + (e.is_set() ? 1 : 0) == 1, "one signal");
        },
        orders_only());
}

TEST_CASE("latch: the last arrival against wait, cancel and destruction") {
    tests::holds("latch: destroyed by the task that it let go", [](world& w) {
        auto l = std::make_unique<tandem::latch>(2);
        tandem::latch* const plain = l.get();
        test_loop loop;
        test_task task(loop, wait_and_destroy(l));
        w.thread("loop", [&] { loop.run(); });
        w.thread("one", [plain] { plain->count_down(); });
        w.thread("two", [plain] { plain->count_down(); });
        w.join();
    });
    tests::holds(
        "latch: arrival against cancel",
        [](world& w) {
            tandem::latch l(1);
            outcome a = outcome::none, b = outcome::none;
            test_loop loop;
            test_task first(loop, wait_for(l, a));
            test_task second(loop, wait_for(l, b));
            w.thread("loop", [&] { loop.run(); });
            w.thread("arrival", [&] { l.count_down(); });
            w.thread("canceller", [&] { first.request_cancel(); });
            w.join();
            explore::require(a != outcome::none && b == outcome::passed, "the other one goes on");
        },
        orders_only());
}

TEST_CASE("barrier: a phase is over once, and with as many as are expected") {
    tests::holds(
        "barrier: two loops in step",
        [](world& w) {
            int completions = 0;
            tandem::barrier b(2, [&] { ++completions; });
            test_loop one, two;
            test_task first(one, meet_often(b, 2, completions));
            test_task second(two, meet_often(b, 2, completions));
            w.thread("loop one", [&] { one.run(); });
            w.thread("loop two", [&] { two.run(); });
            w.join();
            explore::require(completions == 2, "two phases");
        },
        orders_only());
    tests::holds(
        "barrier: arrive against drop",
        [](world& w) {
            int completions = 0;
            outcome a = outcome::none, b = outcome::none;
            tandem::barrier meeting(3, [&] { ++completions; });
            test_loop one, two;
            test_task first(one, meet(meeting, a));
            test_task second(two, meet(meeting, b));
            w.thread("loop one", [&] { one.run(); });
            w.thread("loop two", [&] { two.run(); });
            w.thread("leaver", [&] { meeting.arrive_and_drop(); });
            w.join();
            explore::require(a == outcome::passed && b == outcome::passed, "both go on");
            explore::require(completions == 1 && meeting.expected() == 2, "one phase, one less");
        },
        orders_only());
    tests::holds(
        "barrier: arrive against cancel",
        [](world& w) {
            int completions = 0;
            outcome a = outcome::none, b = outcome::none;
            tandem::barrier meeting(2, [&] { ++completions; });
            test_loop one, two;
            test_task first(one, meet(meeting, a));
            test_task second(two, meet(meeting, b));
            w.thread("loop one", [&] { one.run(); });
            w.thread("loop two", [&] { two.run(); });
            w.thread("canceller", [&] { first.request_cancel(); });
            w.join();
            explore::require(completions == 1, "one phase");
            explore::require(b == outcome::passed, "who was not cancelled goes on");
            explore::require(meeting.expected() == (a == outcome::passed ? 2 : 1), "who dropped out");
        },
        orders_only());
}

TEST_CASE("once: done once, whoever is cancelled") {
    tests::holds(
        "once: two callers, one cancelled",
        [](world& w) {
            tandem::once o;
            tandem::event go;
            int ran = 0;
            outcome a = outcome::none, b = outcome::none;
            test_loop one, two;
            test_task first(one, call(o, go, ran, a));
            test_task second(two, call(o, go, ran, b));
            w.thread("loop one", [&] { one.run(); });
            w.thread("loop two", [&] { two.run(); });
            w.thread("canceller", [&] {
                first.request_cancel();
                go.set();
            });
            w.join();
            explore::require(a != outcome::none && b == outcome::passed, "the other one goes on");
            explore::require(o.done() && ran == 1, "done once");
        },
        orders_only());
}

TEST_CASE("broadcast and watch: nothing is missed but what is counted") {
    tests::holds(
        "broadcast: received and lost add up, also for who is cancelled",
        [](world& w) {
            tandem::broadcast<int> b(1);
            auto receiver = b.subscribe();
            int last = 0;
            std::uint64_t count = 0;
            test_loop loop;
            test_task task(loop, listen(receiver, last, count));
            w.thread("loop", [&] { loop.run(); });
            w.thread("sender", [&] {
                b.send(1);
                b.send(2);
                b.close();
            });
            w.thread("canceller", [&] { task.request_cancel(); });
            w.join();
            while (auto next = receiver.try_receive()) {
                last = *next;
                count += 1 + next.lost();
            }
            explore::require(count == 2 && last == 2, "all are received or counted as lost");
        },
        orders_only());
    tests::holds(
        "watch: the last value is seen, also when it is closed at once",
        [](world& w) {
            auto value = std::make_unique<tandem::watch<int>>(0);
            auto view = value->subscribe();
            int seen = 0;
            test_loop loop;
            test_task task(loop, follow(view, seen));
            w.thread("loop", [&] { loop.run(); });
            w.thread("writer", [&] {
                value->set(1);
                value->set(2);
                value.reset();
            });
            w.join();
            explore::require(seen == 2, "the last value");
        },
        orders_only());
}
