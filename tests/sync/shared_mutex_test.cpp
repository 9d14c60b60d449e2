#include <tandem/sync/shared_mutex.hpp>

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <atomic>
#include <string>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// Notes "r1" when it reads and "R1" when it is done.
task<> reads(shared_mutex& m, std::vector<std::string>& log, std::string name) {
    const shared_mutex::read_guard guard = co_await m.lock_shared();
    log.push_back("r" + name);
    co_await tests::turns(2);
    log.push_back("R" + name);
}
task<> writes(shared_mutex& m, std::vector<std::string>& log, std::string name) {
    const shared_mutex::write_guard guard = co_await m.lock();
    log.push_back("w" + name);
    co_await tests::turns(2);
    log.push_back("W" + name);
}

} // namespace

TEST_CASE("shared_mutex: many readers or one writer, by try_lock") {
    shared_mutex m;
    shared_mutex::read_guard a = m.try_lock_shared();
    shared_mutex::read_guard b = m.try_lock_shared();
    CHECK(a);
    CHECK(b);
    CHECK_FALSE(m.try_lock());
    a.release();
    CHECK_FALSE(a);
    CHECK_FALSE(m.try_lock());
    b = shared_mutex::read_guard();
    shared_mutex::write_guard w = m.try_lock();
    CHECK(w);
    CHECK_FALSE(m.try_lock());
    CHECK_FALSE(m.try_lock_shared());
    shared_mutex::write_guard moved = std::move(w);
    w.release(); // empty: nothing happens
    CHECK_FALSE(m.try_lock_shared());
    moved.release();
    CHECK(m.try_lock_shared());
    CHECK(block_on(m.lock()));
    CHECK(block_on(m.lock_shared()));
}

TEST_CASE("shared_mutex: strictly in order, readers next to each other go together") {
    std::vector<std::string> log;
    bool overtook = true;
    run_on_loop([&]() -> task<> {
        shared_mutex m;
        shared_mutex::read_guard first = m.try_lock_shared();
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(writes, std::ref(m), std::ref(log), "1");
            group.spawn(reads, std::ref(m), std::ref(log), "2");
            group.spawn(reads, std::ref(m), std::ref(log), "3");
            group.spawn(writes, std::ref(m), std::ref(log), "4");
            group.spawn(reads, std::ref(m), std::ref(log), "5");
            co_await tests::turns(2);
            CHECK(log.empty()); // also the readers: a writer waits before them
            overtook = static_cast<bool>(m.try_lock_shared());
            first.release();
        });
        CHECK(m.try_lock());
    });
    CHECK_FALSE(overtook);
    CHECK(log == std::vector<std::string>{"w1", "W1", "r2", "r3", "R2", "R3", "w4", "W4", "r5", "R5"});
}

TEST_CASE("shared_mutex: readers behind a writer that withdraws go on, beside those that read already") {
    std::vector<std::string> log;
    run_on_loop([&]() -> task<> {
        shared_mutex m;
        const shared_mutex::read_guard first = m.try_lock_shared();
        task_group writer;
        writer.spawn(writes, std::ref(m), std::ref(log), "1");
        co_await tests::turns(2);
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(reads, std::ref(m), std::ref(log), "2");
            group.spawn(reads, std::ref(m), std::ref(log), "3");
            co_await tests::turns(2);
            CHECK(log.empty());
            writer.cancel();
        });
        co_await writer.join();
    });
    CHECK(log == std::vector<std::string>{"r2", "r3", "R2", "R3"});
}

TEST_CASE("shared_mutex: the same when the writer is destroyed with its context") {
    shared_mutex m;
    std::vector<std::string> log;
    shared_mutex::read_guard first = m.try_lock_shared();
    tests::doomed_context doomed;
    tests::doomed_context other;
    doomed.start(writes(m, log, "1"));
    other.start(reads(m, log, "2"));
    CHECK(log.empty());
    SECTION("while it waits") {
        doomed.destroy();
    }
    SECTION("between the grant and its turn") {
        first.release();
        doomed.destroy();
    }
    other.run();
    CHECK(log == std::vector<std::string>{"r2", "R2"});
    first.release();
    CHECK(m.try_lock());
}

TEST_CASE("shared_mutex: cancelled at every suspension it is never left locked") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        shared_mutex m;
        std::vector<std::string> log;
        auto body = [&](task_group& group) -> task<> {
            group.spawn(reads, std::ref(m), std::ref(log), "1");
            group.spawn(writes, std::ref(m), std::ref(log), "2");
            group.spawn(reads, std::ref(m), std::ref(log), "3");
            group.spawn(reads, std::ref(m), std::ref(log), "4");
            group.spawn(writes, std::ref(m), std::ref(log), "5");
            co_return;
        };
        auto scenario = [&]() -> task<> { return with_task_group(body); };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(m.try_lock());
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}

TEST_CASE("shared_mutex: a storm of readers and writers that give up") {
    shared_mutex m;
    std::size_t plain = 0; // a data race for ThreadSanitizer if the lock did not order readers and writers
    std::atomic<int> readers{0};
    std::atomic<int> writers{0};
    std::atomic<bool> mixed{false};
    std::atomic<std::size_t> written{0};
    std::atomic<std::size_t> seen{0};
    auto worker = [&](tests::dice& random) -> task<> {
        if (random.below(3) == 0) {
            auto race = co_await when_any(m.lock(), tests::patience(random));
            if (!race.get<0>()) co_return;
            shared_mutex::write_guard guard = std::move(race.get<0>().value());
            if (++writers != 1 || readers != 0) mixed = true;
            ++plain;
            ++written;
            if (random.below(4) == 0) co_await yield();
            --writers;
        } else {
            auto race = co_await when_any(m.lock_shared(), tests::patience(random));
            if (!race.get<0>()) co_return;
            shared_mutex::read_guard guard = std::move(race.get<0>().value());
            ++readers;
            if (writers != 0) mixed = true;
            seen += plain > 0 ? 1 : 0;
            if (random.below(4) == 0) co_await yield();
            --readers;
        }
    };
    tests::storm(tests::repeat(4'000, 400), worker);
    CHECK_FALSE(mixed);
    CHECK(plain == written);
    CHECK(m.try_lock());
}
