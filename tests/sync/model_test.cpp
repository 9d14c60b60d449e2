// The primitives under random use; see tests/support/model.hpp. Those that hand over items are in
// channel_model_test.cpp.
#include <tandem/sync/barrier.hpp>
#include <tandem/sync/condition_variable.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/latch.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/sync/once.hpp>
#include <tandem/sync/semaphore.hpp>
#include <tandem/sync/shared_mutex.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/model.hpp"

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>

using namespace tandem;
using tests::completes;
using tests::model;
using tests::participant;

namespace {

// Gives way now and then, with what is held being held.
task<> linger(participant& me) {
    for (std::size_t i = me.one_in(4) ? me.below(3) : 0; i > 0; --i)
        co_await yield();
}

} // namespace

TEST_CASE("model: semaphore") {
    constexpr std::size_t permits = 4;
    model m("semaphore");
    INFO(m.title());
    semaphore slots(permits);
    std::atomic<std::size_t> in_use{0};
    auto step = [&](participant& me) -> task<> {
        const std::size_t n = 1 + me.below(permits);
        auto use = [&](semaphore_permit permit) -> task<> {
            m.expect(permit.count() == n, "a permit holds what was asked for");
            m.expect(in_use.fetch_add(n) + n <= permits, "never more permits than there are");
            co_await linger(me);
            in_use.fetch_sub(n);
            if (me.one_in(4)) {
                permit.forget();
                slots.release(n);
            }
        };
        auto acquire = [&]() -> task<> {
            semaphore_permit permit;
            permit = co_await slots.acquire(n);
            co_await use(std::move(permit));
        };
        // Struck while it holds permits: `use` is cut short, and its count is to be put right.
        auto acquire_only = [&]() -> task<> { semaphore_permit permit = co_await slots.acquire(n); };
        if (me.one_in(4)) {
            if (semaphore_permit permit = slots.try_acquire(n)) co_await use(std::move(permit));
        } else if (me.one_in(3)) {
            static_cast<void>(co_await completes(acquire_only(), me.below(6)));
        } else {
            co_await acquire();
        }
    };
    m.run(step);
    CHECK(m.violations() == 0);
    CHECK(slots.available() == permits);
    CHECK(slots.try_acquire(permits).count() == permits); // and nobody is left in the queue
}

TEST_CASE("model: mutex") {
    model m("mutex");
    INFO(m.title());
    mutex lock;
    long counter = 0; // plain: the mutex guards it
    std::atomic<long> expected{0};
    auto step = [&](participant& me) -> task<> {
        auto work = [&](mutex_guard guard) -> task<> {
            m.expect(guard.holds(lock), "a guard holds the mutex");
            const long seen = counter;
            co_await linger(me);
            counter = seen + 1;
            expected.fetch_add(1, std::memory_order_relaxed);
        };
        auto lock_only = [&]() -> task<> {
            const mutex_guard guard = co_await lock.lock();
            ++counter;
            expected.fetch_add(1, std::memory_order_relaxed);
        };
        if (me.one_in(4)) {
            if (mutex_guard guard = lock.try_lock()) co_await work(std::move(guard));
        } else if (me.one_in(3)) {
            static_cast<void>(co_await completes(lock_only(), me.below(6)));
        } else {
            mutex_guard guard = co_await lock.lock();
            co_await work(std::move(guard));
        }
    };
    m.run(step);
    CHECK(m.violations() == 0);
    CHECK(counter == expected.load());
    CHECK(static_cast<bool>(lock.try_lock()));
}

TEST_CASE("model: shared_mutex") {
    model m("shared_mutex");
    INFO(m.title());
    shared_mutex lock;
    std::atomic<int> readers{0}, writers{0};
    long counter = 0;
    std::atomic<long> expected{0};
    auto step = [&](participant& me) -> task<> {
        auto read = [&](shared_mutex::read_guard guard) -> task<> {
            m.expect(static_cast<bool>(guard), "a guard holds the mutex");
            ++readers;
            m.expect(writers == 0, "no reader beside a writer");
            const long seen = counter;
            co_await linger(me);
            m.expect(counter == seen, "nothing is written while somebody reads");
            --readers;
        };
        auto write = [&](shared_mutex::write_guard guard) -> task<> {
            m.expect(static_cast<bool>(guard), "a guard holds the mutex");
            m.expect(++writers == 1 && readers == 0, "a writer is alone");
            const long seen = counter;
            co_await linger(me);
            counter = seen + 1;
            ++expected;
            --writers;
        };
        auto read_only = [&]() -> task<> {
            const auto guard = co_await lock.lock_shared();
            m.expect(writers == 0, "no reader beside a writer");
        };
        auto write_only = [&]() -> task<> {
            const auto guard = co_await lock.lock();
            m.expect(writers == 0 && readers == 0, "a writer is alone");
            ++counter;
            ++expected;
        };
        switch (me.below(8)) {
        case 0:
            if (auto guard = lock.try_lock_shared()) co_await read(std::move(guard));
            break;
        case 1:
            if (auto guard = lock.try_lock()) co_await write(std::move(guard));
            break;
        case 2:
            static_cast<void>(co_await completes(read_only(), me.below(6)));
            break;
        case 3:
            static_cast<void>(co_await completes(write_only(), me.below(6)));
            break;
        case 4: {
            auto guard = co_await lock.lock();
            co_await write(std::move(guard));
            break;
        }
        default: {
            auto guard = co_await lock.lock_shared();
            co_await read(std::move(guard));
        }
        }
    };
    m.run(step);
    CHECK(m.violations() == 0);
    CHECK(counter == expected.load());
    CHECK(static_cast<bool>(lock.try_lock()));
}

TEST_CASE("model: event") {
    // Each participant sets and resets an event of its own, whose state it counts; the others wait for it.
    class owned {
    public:
        event flag;
        std::atomic<unsigned> state{0}; // odd: set has begun, even: reset is over
    };
    model m("event");
    INFO(m.title());
    std::array<owned, model::participants> events;
    auto life = [&](participant& me) -> task<> {
        owned& mine = events[me.number];
        while (m.take_operations()) {
            if (me.one_in(2)) {
                if (mine.state.load() % 2 == 0) {
                    ++mine.state;
                    mine.flag.set();
                } else {
                    mine.flag.reset();
                    ++mine.state;
                }
                continue;
            }
            owned& other = events[me.below(model::participants)];
            const unsigned before = other.state.load();
            bool came = true;
            auto wait = [&]() -> task<> { co_await other.flag.wait(); };
            // Not cancelled only where those that wait for each other cannot stand in a circle.
            if (&other < &mine && me.one_in(4))
                co_await wait();
            else
                came = co_await completes(wait(), me.below(6));
            const unsigned after = other.state.load();
            m.expect(!came || before % 2 == 1 || after != before, "a wait ends when the event was set");
        }
        mine.state = 1;
        mine.flag.set();
    };
    m.run_each(life);
    CHECK(m.violations() == 0);
}

TEST_CASE("model: auto_reset_event") {
    // One signal, passed round: who has it is alone; a signal that is lost stops everything.
    model m("auto_reset_event");
    INFO(m.title());
    auto_reset_event signal(true);
    long counter = 0;
    std::atomic<long> expected{0};
    auto step = [&](participant& me) -> task<> {
        auto wait = [&]() -> task<> { co_await signal.wait(); };
        bool mine = true;
        if (me.one_in(4))
            mine = signal.try_wait();
        else if (me.one_in(3))
            mine = co_await completes(wait(), me.below(6));
        else
            co_await wait();
        if (!mine) co_return;
        const long seen = counter;
        co_await linger(me);
        counter = seen + 1;
        ++expected;
        signal.set();
    };
    m.run(step);
    CHECK(m.violations() == 0);
    CHECK(counter == expected.load());
    CHECK(signal.try_wait());
    CHECK_FALSE(signal.try_wait());
}

TEST_CASE("model: latch") {
    constexpr std::size_t expected = 5;
    // Latches one after the other; each arrival takes a place at the present one.
    class place {
    public:
        latch door{expected};
        std::atomic<std::size_t> arrived{0};
    };
    model m("latch");
    INFO(m.title());
    std::mutex guard;
    auto present = std::make_shared<place>();
    std::size_t taken = 0;
    auto take = [&]() {
        const std::lock_guard lock(guard);
        auto mine = present;
        if (++taken == expected) {
            present = std::make_shared<place>();
            taken = 0;
        }
        return mine;
    };
    // Fills the present latch, so that nobody is left there at the end.
    auto fill = [&]() {
        const std::lock_guard lock(guard);
        if (taken == 0) return;
        present->arrived += expected - taken;
        present->door.count_down(expected - taken);
        present = std::make_shared<place>();
        taken = 0;
    };
    auto step = [&](participant& me) -> task<> {
        const auto at = take();
        auto wait = [&]() -> task<> { co_await at->door.wait(); };
        auto arrive = [&]() -> task<> { co_await at->door.arrive_and_wait(); };
        ++at->arrived;
        bool open = true;
        if (me.one_in(2)) {
            at->door.count_down();
            if (m.used_up()) fill();
            if (me.one_in(4))
                open = at->door.try_wait();
            else if (me.one_in(2))
                open = co_await completes(wait(), me.below(6));
            else
                co_await wait();
        } else {
            // Struck or not, its arrival stands.
            open = co_await completes(arrive(), me.below(6));
        }
        m.expect(!open || at->arrived == expected, "a latch opens when all have arrived");
        m.expect(!open || at->door.try_wait(), "a latch stays open");
    };
    m.run(step, 1, fill);
    CHECK(m.violations() == 0);
}

TEST_CASE("model: barrier") {
    constexpr std::size_t expected = 4;
    model m("barrier");
    INFO(m.title());
    std::atomic<std::size_t> phases{0}, passed{0};
    std::atomic<bool> completing{false};
    barrier round(expected, [&] {
        m.expect(!completing.exchange(true), "one completion at a time");
        ++phases;
        completing = false;
    });
    auto step = [&](participant& me) -> task<> {
        const std::size_t before = phases;
        auto arrive = [&]() -> task<> { co_await round.arrive_and_wait(); };
        if (!co_await completes(arrive(), me.below(20)))
            co_return; // all may be struck: some must wait in vain
        ++passed;
        m.expect(phases > before, "a phase ends before its waiters go on");
    };
    m.run(step);
    CHECK(m.violations() == 0);
    CHECK(passed == phases * expected);
    CHECK(phases > 0);
    CHECK(round.expected() == expected);
}

TEST_CASE("model: condition_variable") {
    // A bounded buffer. Each participant puts one in and takes one out, so that it neither fills nor empties
    // for good.
    constexpr std::size_t room = 3;
    model m("condition_variable");
    INFO(m.title());
    mutex lock;
    condition_variable not_full, not_empty;
    std::deque<std::size_t> buffer;
    std::atomic<std::size_t> put_in{0}, taken_out{0};
    std::size_t next = 0;   // number of the next item; under the lock
    std::size_t oldest = 0; // the next one to come out; under the lock
    auto step = [&](participant& me) -> task<> {
        bool done = false;
        auto put = [&]() -> task<> {
            mutex_guard guard = co_await lock.lock();
            auto has_room = [&] { return buffer.size() < room; };
            co_await not_full.wait(guard, has_room);
            m.expect(guard.holds(lock) && buffer.size() < room, "the predicate holds after the wait");
            buffer.push_back(next++);
            done = true;
            not_empty.notify_one();
        };
        auto take = [&]() -> task<> {
            mutex_guard guard = co_await lock.lock();
            auto has_item = [&] { return !buffer.empty(); };
            co_await not_empty.wait(guard, has_item);
            m.expect(guard.holds(lock) && !buffer.empty(), "the predicate holds after the wait");
            m.expect(buffer.front() == oldest++, "items come out in order");
            buffer.pop_front();
            done = true;
            guard.release();
            not_full.notify_one();
        };
        if (me.one_in(3))
            static_cast<void>(co_await completes(put(), me.below(8)));
        else
            co_await put();
        if (!done) co_return;
        ++put_in;
        done = false;
        while (!done) {
            if (me.one_in(3))
                static_cast<void>(co_await completes(take(), me.below(8)));
            else
                co_await take();
        }
        ++taken_out;
    };
    m.run(step, 2);
    CHECK(m.violations() == 0);
    CHECK(buffer.empty());
    CHECK(put_in == taken_out);
    CHECK(next == oldest);
}

TEST_CASE("model: once") {
    constexpr std::size_t calls_each = 32;
    class entry {
    public:
        once flag;
        std::atomic<int> running{0};
        std::atomic<int> done{0};
        std::atomic<std::size_t> calls{0};
    };
    model m("once");
    INFO(m.title());
    std::vector<entry> entries(m.operations() / calls_each + model::participants);
    std::atomic<std::size_t> next{0};
    auto step = [&](participant& me) -> task<> {
        entry& e = entries[next.fetch_add(1, std::memory_order_relaxed) / calls_each];
        auto function = [&]() -> task<> {
            m.expect(++e.running == 1, "one call at a time");
            class leave {
            public:
                explicit leave(entry& of) noexcept : entry_(of) {}
                ~leave() { --entry_.running; }

            private:
                entry& entry_;
            };
            const leave at_end(e);
            co_await linger(me);
            if (me.one_in(8)) throw std::range_error("not this time");
            m.expect(++e.done == 1, "it is done once");
        };
        bool value = false;
        try {
            if (me.one_in(3)) {
                value = co_await completes(e.flag.call(function), me.below(6));
            } else {
                co_await e.flag.call(function);
                value = true;
            }
        } catch (const std::range_error&) {
            value = false;
        }
        m.expect(!value || (e.flag.done() && e.done == 1), "a call returns when it has been done");
    };
    m.run(step);
    CHECK(m.violations() == 0);
}
