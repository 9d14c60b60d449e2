#include <tandem/concurrency/when_all.hpp>
#include <tandem/core/block_on.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/parallelism/thread_pool.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/pool_gate.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>

using namespace std::chrono_literals;
using tandem::block_on;
using tandem::offload;
using tandem::pool_job;
using tandem::task;
using tandem::thread_pool;
using tests::ending;
using tests::pool_gate;

namespace {

task<int> offloaded() {
    co_return co_await offload([] { return 1; });
}

// How a call on the companion pool ends; `queued` says that it has been submitted.
task<ending> offloads(std::latch& queued) {
    auto say_so = [&queued]() -> task<> {
        queued.count_down();
        co_return;
    };
    auto both = co_await tandem::when_all(tests::ends(offloaded()), say_so());
    co_return std::get<0>(both);
}

} // namespace

TEST_CASE("thread_pool: drain and stop for a limited time") {
    thread_pool pool(1);
    std::atomic<int> ran{0};
    auto busy = std::make_unique<pool_gate>(pool);
    pool.post([&ran] { ++ran; });
    CHECK_FALSE(pool.drain_for(1ms));
    CHECK_FALSE(pool.drain_for(0ms));
    busy.reset();
    CHECK(pool.drain_for(std::chrono::hours::max()));
    CHECK(ran == 1);

    std::latch begun(1);
    std::latch release(1);
    auto running = pool.submit([&] {
        begun.count_down();
        release.wait();
        return 1;
    });
    begun.wait();
    auto queued = pool.submit([] { return 2; });
    CHECK_FALSE(pool.stop_for(1ms));
    CHECK_THROWS_AS(queued.get(), tandem::pool_stopped); // dropped although the other still runs
    CHECK_THROWS_AS(pool.post([] {}), tandem::pool_stopped);
    CHECK_FALSE(pool.stop_for(1ms));
    release.count_down();
    CHECK(pool.stop_for(std::chrono::hours::max()));
    CHECK(running.get() == 1);
    CHECK(pool.stop_for(0ms));
    CHECK(pool.drain_for(0ms));
}

TEST_CASE("thread_pool: what is dropped may stop the pool again") {
    thread_pool pool(1);
    class stopping_job : public pool_job {
    public:
        explicit stopping_job(thread_pool& pool) : pool_job(&act), pool_(pool) {}
        bool dropped = false;

    private:
        static void act(pool_job& job, bool was_dropped) noexcept {
            auto& self = static_cast<stopping_job&>(job);
            self.dropped = was_dropped;
            self.pool_.stop();
        }
        thread_pool& pool_;
    } job(pool);
    auto busy = std::make_unique<pool_gate>(pool);
    pool.submit(job);
    CHECK_FALSE(pool.stop_for(1ms));
    CHECK(job.dropped);
    busy.reset();
    pool.stop();
}

TEST_CASE("thread_pool: after a stop that gave up waiting, drain waits for what runs and for nothing else") {
    thread_pool pool(1);
    std::latch begun(1);
    std::latch release(1);
    bool own_ran = false;
    bool ended = false;
    auto token = std::make_shared<int>();
    pool.post([&] {
        pool.post([&own_ran, token] { own_ran = true; }); // in its deque: dropped when no thread is left
        begun.count_down();
        release.wait();
        ended = true;
    });
    begun.wait();
    CHECK_FALSE(pool.stop_for(0ms));
    CHECK_FALSE(pool.drain_for(1ms));
    release.count_down();
    pool.drain();
    CHECK(ended);
    CHECK_FALSE(own_ran);
    CHECK(token.use_count() == 1);
}

TEST_CASE("thread_pool: stop drops what a worker waits for in block_on") {
    thread_pool pool(1);
    std::latch queued(1);
    ending how = ending::value;
    pool.post([&] { how = block_on(offloads(queued)); });
    queued.wait();
    pool.stop();
    CHECK(how == ending::error);
}

TEST_CASE("thread_pool: a worker that begins to wait in block_on after stop waits for nothing") {
    thread_pool pool(1);
    std::latch begun(1);
    std::latch release(1);
    std::latch queued(1);
    ending how = ending::value;
    pool.post([&] {
        begun.count_down();
        release.wait();
        how = block_on(offloads(queued));
    });
    begun.wait();
    CHECK_FALSE(pool.stop_for(0ms));
    release.count_down();
    pool.stop();
    CHECK(how == ending::error);
}

TEST_CASE("thread_pool: while a worker waits in block_on, stop drops what another one has left behind") {
    thread_pool pool(2);
    tandem::event gone;
    std::latch handed_over(1);
    std::latch both_begun(2);
    std::latch release(1);
    bool ran = false;
    bool ended = false;
    pool.post([&] {
        both_begun.arrive_and_wait();
        handed_over.wait();
        block_on(gone.wait()); // not a future, whose call would be run here
        ended = true;
    });
    pool.post([&] {
        both_begun.arrive_and_wait();
        auto token = std::shared_ptr<void>(nullptr, [&gone](void*) { gone.set(); });
        pool.post([&ran, token = std::move(token)] { ran = true; }); // in this worker's deque
        handed_over.count_down();
        release.wait();
    });
    handed_over.wait();
    CHECK_FALSE(pool.stop_for(0ms));
    SECTION("stop") {
        release.count_down();
        pool.stop();
    }
    SECTION("drain") {
        release.count_down();
        pool.drain();
    }
    CHECK(ended);
    CHECK_FALSE(ran);
}
