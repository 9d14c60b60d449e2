// The primitives that tasks wait for: grant against cancel against destruction.
#include "tests/interleaving/support.hpp"
#include "tests/interleaving/test_loop.hpp"

#include <tandem/core/error.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include <memory>
#include <optional>
#include <vector>

using explore::limits;
using explore::world;
using tests::test_loop;
using tests::test_task;

namespace {

enum class outcome { none, granted, cancelled };

tandem::task<> wait_for(tandem::event& e, outcome& result) {
    try {
        co_await e.wait();
        result = outcome::granted;
    } catch (const tandem::operation_cancelled&) {
        result = outcome::cancelled;
    }
}

// The event belongs to the one who waits for it: it is gone as soon as that task has gone on.
tandem::task<> wait_and_destroy(std::unique_ptr<tandem::event>& e) {
    co_await e->wait();
    e.reset();
}

tandem::task<> hold(tandem::semaphore& s, outcome& result, int& inside, int most) {
    try {
        const tandem::semaphore_permit permit = co_await s.acquire();
        result = outcome::granted;
        explore::require(++inside <= most, "no more than the permits at a time");
        explore::yield(); // others may run here
        --inside;
    } catch (const tandem::operation_cancelled&) {
        result = outcome::cancelled;
    }
}

tandem::task<> note_order(tandem::semaphore& s, std::vector<int>& order, int number) {
    try {
        tandem::semaphore_permit permit = co_await s.acquire();
        order.push_back(number);
        permit.forget();
    } catch (const tandem::operation_cancelled&) {
    }
}

} // namespace

TEST_CASE("event: set against wait against cancel") {
    tests::holds("event: set against wait", [](world& w) {
        tandem::event e;
        outcome a = outcome::none;
        test_loop loop;
        test_task task(loop, wait_for(e, a));
        w.thread("loop", [&] { loop.run(); });
        w.thread("setter", [&] { e.set(); });
        w.join();
        explore::require(a == outcome::granted, "the waiter goes on");
    });
    tests::holds("event: set against wait against cancel", [](world& w) {
        tandem::event e;
        outcome a = outcome::none, b = outcome::none;
        test_loop loop;
        test_task first(loop, wait_for(e, a));
        test_task second(loop, wait_for(e, b));
        w.thread("loop", [&] { loop.run(); });
        w.thread("setter", [&] { e.set(); });
        w.thread("canceller", [&] { first.request_cancel(); });
        w.join();
        explore::require(a != outcome::none, "the cancelled one has ended");
        explore::require(b == outcome::granted, "the other one goes on");
    });
    tests::holds("event: destroyed by the task that it woke", [](world& w) {
        auto e = std::make_unique<tandem::event>();
        tandem::event* const plain = e.get();
        test_loop loop;
        test_task task(loop, wait_and_destroy(e));
        w.thread("loop", [&] { loop.run(); });
        w.thread("setter", [plain] { plain->set(); });
        w.join();
    });
}

TEST_CASE("semaphore: grant against cancel: permits are conserved, nobody waits beside a free one") {
    tests::holds("semaphore: release against cancel", [](world& w) {
        tandem::semaphore s(0);
        outcome a = outcome::none;
        int inside = 0;
        test_loop loop;
        test_task task(loop, hold(s, a, inside, 1));
        w.thread("loop", [&] { loop.run(); });
        w.thread("releaser", [&] { s.release(); });
        w.thread("canceller", [&] { task.request_cancel(); });
        w.join();
        explore::require(s.available() == 1, "the permit is there");
    });
    tests::holds("semaphore: two tasks, one permit, one cancelled", [](world& w) {
        tandem::semaphore s(1);
        outcome a = outcome::none, b = outcome::none;
        int inside = 0;
        test_loop one, two;
        test_task first(one, hold(s, a, inside, 1));
        test_task second(two, hold(s, b, inside, 1));
        w.thread("loop one", [&] { one.run(); });
        w.thread("loop two", [&] { two.run(); });
        w.thread("canceller", [&] { first.request_cancel(); });
        w.join();
        explore::require(b == outcome::granted, "the other one gets it");
        explore::require(s.available() == 1, "the permit is there");
    });
    limits sequential; // who is first is a matter of order, not of visibility
    sequential.stale_loads = 0;
    tests::holds(
        "semaphore: first come, first served",
        [](world& w) {
            tandem::semaphore s(0);
            std::vector<int> order;
            test_loop loop;
            test_task first(loop, note_order(s, order, 1));
            test_task second(loop, note_order(s, order, 2));
            w.thread("loop", [&] { loop.run(); });
            w.thread("releaser", [&] {
                s.release();
                second.request_cancel();
            });
            w.thread("newcomer", [&] { s.try_acquire().release(); });
            w.join();
            explore::require(order == std::vector<int>({1}), "the permit is the first one's");
            explore::require(s.available() == 0, "there was one permit");
        },
        sequential);
}
