#include <tandem/parallelism/thread_pool.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/pool_gate.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <latch>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#endif

using tandem::pool_job;
using tandem::thread_pool;
using tandem::thread_pool_options;
using tests::pool_gate;

namespace {

class counted_job : public pool_job {
public:
    counted_job() : pool_job(&act) {}
    std::atomic<int> ran{0};

private:
    static void act(pool_job& job, bool dropped) noexcept {
        if (!dropped) ++static_cast<counted_job&>(job).ran;
    }
};

} // namespace

TEST_CASE("thread_pool: background jobs run when there is nothing else") {
    thread_pool pool(1);
    std::string order;
    {
        pool_gate busy(pool);
        pool.post(tandem::pool_priority::background, [&order] { order += 'b'; });
        auto last = pool.submit(tandem::pool_priority::background, [&order](char c) { order += c; }, 'c');
        for (int i = 0; i < 5; ++i)
            pool.post([&order] { order += 'i'; });
        CHECK_FALSE(last.done());
    }
    pool.drain();
    CHECK(order == "iiiiibc");
    // Submitted by a worker, and removed.
    counted_job job;
    pool_gate busy(pool);
    pool.submit(job, tandem::pool_priority::background);
    CHECK(pool.try_remove(job));
    CHECK_FALSE(pool.try_remove(job));
}

TEST_CASE("thread_pool: background jobs are not starved by jobs that never end") {
    thread_pool pool(1);
    std::atomic<bool> over{false};
    std::atomic<bool> background_ran{false};
    std::function<void()> again = [&] {
        if (!over) pool.post(again);
    };
    pool.post(again);
    pool.post([&] { pool.post(tandem::pool_priority::background, [&] { background_ran = true; }); });
    while (!background_ran)
        std::this_thread::yield();
    over = true;
    pool.drain();
    CHECK(background_ran);
}

TEST_CASE("thread_pool: jobs that a worker has taken along can be removed, and stolen") {
    SECTION("removed") {
        thread_pool pool(1);
        std::deque<counted_job> jobs(100);
        std::latch begun(1);
        std::latch release(1);
        {
            pool_gate busy(pool);
            pool.post([&] { // takes a batch along
                begun.count_down();
                release.wait();
            });
            for (auto& job : jobs)
                pool.submit(job);
        }
        begun.wait();
        std::size_t removed = 0;
        for (std::size_t i = 0; i < jobs.size(); ++i)
            if (i % 3 != 0) removed += pool.try_remove(jobs[i]);
        CHECK(removed == 66);
        release.count_down();
        pool.drain();
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < jobs.size(); ++i)
            wrong += jobs[i].ran != (i % 3 == 0 ? 1 : 0);
        CHECK(wrong == 0);
    }
    SECTION("stolen") {
        thread_pool pool(2);
        std::atomic<int> ran{0};
        std::latch release(1);
        {
            pool_gate one(pool);
            pool_gate two(pool);
            pool.post([&] { release.wait(); });
            for (int i = 0; i < 60; ++i)
                pool.post([&ran] { ++ran; });
        }
        while (ran != 60) // though one worker is blocked, with a batch of them
            std::this_thread::yield();
        release.count_down();
        pool.drain();
        CHECK(pool.stats().jobs == 63);
    }
}

TEST_CASE("thread_pool: eight workers share two long streams of jobs fairly") {
    // Each job puts itself behind all others: in the time in which one has run n times, no other was left
    // far behind.
    thread_pool pool(8);
    std::atomic<bool> over{false};
    std::array<std::atomic<int>, 16> turns{};
    std::function<void(std::size_t)> step = [&](std::size_t i) {
        if (++turns[i] >= 2'000) over = true;
        if (!over) pool.post([&step, i] { step(i); });
    };
    for (std::size_t i = 0; i < turns.size(); ++i)
        pool.post([&step, i] { step(i); });
    while (!over)
        std::this_thread::yield();
    pool.drain();
    for (const auto& count : turns)
        CHECK(count > 0);
}

#if defined(__linux__)
TEST_CASE("thread_pool: workers on given processors, with a nice value") {
    cpu_set_t mine;
    REQUIRE(pthread_getaffinity_np(pthread_self(), sizeof(mine), &mine) == 0);
    int cpu = 0;
    while (!CPU_ISSET(static_cast<std::size_t>(cpu), &mine))
        ++cpu;
    const int before = getpriority(PRIO_PROCESS, 0);
    thread_pool pool(thread_pool_options().workers(2).cpus({cpu}).nice(15));
    const auto seen =
        pool.submit([] {
                cpu_set_t allowed;
                pthread_getaffinity_np(pthread_self(), sizeof(allowed), &allowed);
                return std::make_tuple(CPU_COUNT(&allowed), sched_getcpu(), getpriority(PRIO_PROCESS, 0));
            })
            .get();
    CHECK(seen == std::make_tuple(1, cpu, 15));
    CHECK(getpriority(PRIO_PROCESS, 0) == before);
    CHECK_THROWS_AS(thread_pool(thread_pool_options().workers(2).cpus({-1})), std::system_error);
    CHECK_THROWS_WITH(thread_pool(thread_pool_options().workers(2).cpus({100'000})),
                      Catch::Contains("thread_pool: cannot give worker 0 its processor"));
}
#endif
