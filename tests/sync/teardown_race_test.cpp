// A runtime that is destroyed, with tasks that wait in a primitive that lives longer, while another thread
// grants: a waiter that was just taken out of the queue must not go before its waker is done with it. Here to
// be run under ThreadSanitizer and AddressSanitizer.
#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/concurrency/shared_task.hpp>
#include <tandem/concurrency/shield.hpp>
#include <tandem/core/block_on.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/sync/barrier.hpp>
#include <tandem/sync/broadcast.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/condition_variable.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/latch.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/sync/priority_channel.hpp>
#include <tandem/sync/select.hpp>
#include <tandem/sync/semaphore.hpp>
#include <tandem/sync/shared_mutex.hpp>
#include <tandem/sync/watch.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using namespace tandem;

namespace {

constexpr std::size_t waiters_per_loop = 6;

// Runs `wait()` in tasks of two loops that no cancellation reaches, again and again, and `grant()` on a
// thread of its own; destroys the runtime in the middle of it.
template <class Wait, class Grant>
void destroy_while_granting(Wait wait, Grant grant) {
    std::atomic<bool> over{false};
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> grants{0};
    std::thread granter;
    auto wait_for_ever = [&]() -> task<> {
        ++begun;
        for (;;)
            co_await shield(wait());
    };
    {
        runtime rt(tests::loops(2).drain_timeout(0ms));
        for (std::size_t i = 0; i < 2 * waiters_per_loop; ++i)
            rt.spawn(wait_for_ever(), i % 2);
        granter = std::thread([&] {
            while (!over) {
                grant();
                ++grants;
            }
        });
        rt.run([&]() -> task<> {
            while (begun != 2 * waiters_per_loop || grants < 20)
                co_await yield();
        });
    }
    over = true;
    granter.join();
}

template <class Round>
void repeat_rounds(Round round) {
    for (std::size_t n = tests::repeat(60, 15); n > 0; --n)
        round();
}

} // namespace

TEST_CASE("teardown race: locks and permits are handed on, none is lost") {
    repeat_rounds([] {
        mutex m;
        auto lock = [&]() -> task<> {
            const mutex_guard held = co_await m.lock();
            co_await yield();
        };
        destroy_while_granting(lock, [&] { block_on(m.lock()).release(); });
        CHECK(m.try_lock());
    });
    repeat_rounds([] {
        semaphore s(2);
        auto acquire = [&]() -> task<> {
            const semaphore_permit held = co_await s.acquire();
            co_await yield();
        };
        destroy_while_granting(acquire, [&] { block_on(s.acquire(2)).release(); });
        CHECK(s.available() == 2);
    });
    repeat_rounds([] {
        shared_mutex s;
        auto lock = [&]() -> task<> {
            {
                const auto held = co_await s.lock_shared();
                co_await yield();
            }
            const auto held = co_await s.lock();
        };
        destroy_while_granting(lock, [&] { block_on(s.lock()).release(); });
        CHECK(s.try_lock());
    });
}

TEST_CASE("teardown race: events, latches, barriers and conditions") {
    repeat_rounds([] {
        event e;
        destroy_while_granting([&]() -> task<> { co_await e.wait(); },
                               [&] {
                                   e.set();
                                   e.reset();
                               });
    });
    repeat_rounds([] {
        auto_reset_event e;
        destroy_while_granting([&]() -> task<> { co_await e.wait(); }, [&] { e.set(); });
        e.set(); // nobody waits any more
        CHECK(e.try_wait());
    });
    repeat_rounds([] {
        barrier b(3);
        destroy_while_granting([&]() -> task<> { co_await b.arrive_and_wait(); },
                               [&] { block_on(move_on_after(1ms, b.arrive_and_wait())); });
        CHECK(b.expected() == 3);
    });
    repeat_rounds([] {
        mutex m;
        condition_variable cv;
        auto wait = [&]() -> task<> {
            mutex_guard held = co_await m.lock();
            co_await cv.wait(held);
        };
        destroy_while_granting(wait, [&] { cv.notify_all(); });
        CHECK(m.try_lock());
    });
    repeat_rounds([] {
        // A latch opens once: here at the moment of the destruction.
        latch l(1);
        std::atomic<int> calls{0};
        destroy_while_granting([&]() -> task<> { co_await l.wait(); },
                               [&] {
                                   if (++calls == 25) l.count_down();
                               });
    });
}

TEST_CASE("teardown race: items") {
    const std::string long_text(64, 'x');
    repeat_rounds([&] {
        channel<std::string> items(2);
        destroy_while_granting([&]() -> task<> { static_cast<void>(co_await items.receive()); },
                               [&] { items.try_send(std::string(long_text)); });
    });
    repeat_rounds([&] {
        channel<std::string> items(0);
        destroy_while_granting([&]() -> task<> { static_cast<void>(co_await items.send(long_text)); },
                               [&] { static_cast<void>(items.try_receive()); });
    });
    repeat_rounds([&] {
        priority_channel<std::string> items(1);
        channel<std::string> others(1);
        auto choose = [&]() -> task<> {
            static_cast<void>(co_await select(on_receive(items), on_receive(others)));
        };
        destroy_while_granting(choose, [&] {
            items.try_send(std::string(long_text));
            others.try_send(std::string(long_text));
        });
    });
    repeat_rounds([&] {
        broadcast<std::string> news(2);
        auto receive = [&]() -> task<> {
            auto mine = news.subscribe();
            static_cast<void>(co_await mine.receive());
            static_cast<void>(co_await mine.receive());
        };
        destroy_while_granting(receive, [&] { news.send(long_text); });
        CHECK(news.subscribers() == 0);
    });
    repeat_rounds([&] {
        watch<std::string> state(long_text);
        auto look = [&]() -> task<> {
            auto mine = state.subscribe();
            static_cast<void>(co_await mine.changed());
        };
        destroy_while_granting(look, [&] { state.set(long_text); });
    });
}

TEST_CASE("teardown race: a shared task that another thread runs") {
    repeat_rounds([] {
        std::mutex guard;
        std::optional<shared_task<int>> present;
        auto look = [&]() -> task<> {
            std::optional<shared_task<int>> mine;
            {
                const std::lock_guard lock(guard);
                mine = present;
            }
            if (mine)
                static_cast<void>(co_await *mine);
            else
                co_await yield();
        };
        auto grant = [&] {
            std::optional<shared_task<int>> made;
            auto work = [&]() -> task<int> { // begun by its first awaiter, on this thread
                {
                    const std::lock_guard lock(guard);
                    present = made;
                }
                co_await tests::turns(3);
                co_return 1;
            };
            made.emplace(work());
            static_cast<void>(block_on(*made));
            const std::lock_guard lock(guard);
            present.reset();
        };
        destroy_while_granting(look, grant);
    });
}
