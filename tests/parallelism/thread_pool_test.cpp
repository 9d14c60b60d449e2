#include "tests/support/catch.hpp"

#include "tandem/parallelism/thread_pool.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <ctime>
#include <pthread.h>
#endif

using namespace std::chrono_literals;
using tandem::pool_job;
using tandem::thread_pool;
using tandem::thread_pool_options;

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool slow_build = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool slow_build = true;
#else
constexpr bool slow_build = false;
#endif
#else
constexpr bool slow_build = false;
#endif

constexpr std::size_t many = slow_build ? 100'000 : 1'000'000;

// Counts how its action was called.
class counted_job : public pool_job {
public:
    counted_job() : pool_job(&act) {}
    std::atomic<int> ran{0};
    std::atomic<int> dropped{0};

private:
    static void act(pool_job& job, bool was_dropped) noexcept {
        auto& self = static_cast<counted_job&>(job);
        (was_dropped ? self.dropped : self.ran).fetch_add(1);
    }
};

// Keeps a worker busy until it is opened or destroyed.
class gate {
public:
    explicit gate(thread_pool& pool) {
        done_ = pool.submit([this] {
            entered_.count_down();
            open_.wait();
        });
        entered_.wait();
    }
    gate(const gate&) = delete;
    ~gate() {
        open();
        done_.wait();
    }
    void open() {
        if (!opened_) open_.count_down();
        opened_ = true;
    }

private:
    std::latch entered_{1};
    std::latch open_{1};
    bool opened_ = false;
    tandem::future<void> done_;
};

void spawn_tree(thread_pool& pool, std::atomic<std::size_t>& leaves, int depth) {
    if (depth == 0) {
        leaves.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    for (int i = 0; i < 2; ++i)
        pool.post([&pool, &leaves, depth] { spawn_tree(pool, leaves, depth - 1); });
}

} // namespace

TEST_CASE("thread_pool: posts from four threads run once each, with more workers than processors") {
    for (const std::size_t workers : {std::size_t{2}, std::size_t{8}}) {
        constexpr std::size_t threads = 4;
        std::vector<std::atomic<std::uint8_t>> runs(many);
        thread_pool pool(workers);
        std::vector<std::thread> outside;
        for (std::size_t t = 0; t < threads; ++t)
            outside.emplace_back([&, t] {
                for (std::size_t i = t; i < many; i += threads)
                    pool.post([&runs, i] { runs[i].fetch_add(1, std::memory_order_relaxed); });
            });
        for (auto& thread : outside)
            thread.join();
        pool.drain();
        std::size_t wrong = 0;
        for (const auto& count : runs)
            wrong += count.load() != 1;
        CHECK(wrong == 0);
        CHECK(pool.stats().jobs == many);
    }
}

TEST_CASE("thread_pool: intrusive jobs run once each") {
    std::deque<counted_job> jobs(10'000);
    thread_pool pool(4);
    for (auto& job : jobs)
        pool.submit(job);
    pool.drain();
    std::size_t wrong = 0;
    for (auto& job : jobs)
        wrong += job.ran != 1 || job.dropped != 0;
    CHECK(wrong == 0);
    // A job that has run can be used again.
    pool.submit(jobs[0]);
    pool.drain();
    CHECK(jobs[0].ran == 2);
}

TEST_CASE("thread_pool: workers submit to their own deques and the others steal") {
    std::atomic<std::size_t> leaves{0};
    thread_pool pool(8);
    pool.post([&] { spawn_tree(pool, leaves, 14); });
    pool.drain(); // the offspring belongs to what was submitted before
    CHECK(leaves == 1u << 14);
    CHECK(pool.stats().jobs == (1u << 15) - 1);
}

TEST_CASE("thread_pool: idle workers take a burst that one job submits") {
    // All three must run at a time for any to return: needs a wake-up for each, also while the first job goes
    // on.
    thread_pool pool(3);
    for (int round = 0; round < 200; ++round) {
        std::latch together(3);
        pool.post([&] {
            pool.post([&] { together.arrive_and_wait(); });
            pool.post([&] { together.arrive_and_wait(); });
            together.arrive_and_wait();
        });
        pool.drain();
    }
    CHECK(pool.stats().jobs == 600);
    CHECK(pool.stats().steals >= 400);
}

TEST_CASE("thread_pool: a submit wakes a sleeping worker, over and over") {
    thread_pool pool(2);
    int sum = 0;
    for (int i = 0; i < 5'000; ++i) {
        const auto parks = pool.stats().parks;
        sum += pool.submit([i] { return i; }).get();
        if (i % 50 == 0) // who ran it finds nothing else, and goes to sleep again
            while (pool.stats().parks == parks)
                std::this_thread::yield();
    }
    CHECK(sum == 4'999 * 5'000 / 2);
}

TEST_CASE("thread_pool: a job that resubmits itself starves neither older nor outside jobs") {
    thread_pool pool(1);
    std::atomic<bool> over{false};
    std::atomic<bool> own_ran{false};
    class restless : public pool_job {
    public:
        restless(thread_pool& pool, std::atomic<bool>& over) : pool_job(&act), pool_(pool), over_(over) {}

    private:
        static void act(pool_job& job, bool dropped) noexcept {
            auto& self = static_cast<restless&>(job);
            if (!dropped && !self.over_) self.pool_.submit(self);
        }
        thread_pool& pool_;
        std::atomic<bool>& over_;
    } again(pool, over);
    pool.post([&] {
        pool.post([&] { own_ran = true; });
        pool.submit(again);
    });
    pool.submit([] {}).get();
    while (!own_ran)
        std::this_thread::yield();
    over = true;
    pool.drain();
    CHECK(own_ran);
}

TEST_CASE("thread_pool: futures carry results, references, exceptions and move-only things") {
    thread_pool pool(2);
    CHECK(pool.submit([](int a, int b) { return a + b; }, 2, 3).get() == 5);
    CHECK(*pool.submit([p = std::make_unique<int>(7)]() mutable { return std::move(p); }).get() == 7);
    CHECK(*pool.submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(8)).get() == 8);
    int value = 1;
    CHECK(&pool.submit([](int& v) -> int& { return v; }, std::ref(value)).get() == &value);
    pool.submit([&value] { value = 2; }).get();
    CHECK(value == 2);
    auto failing = pool.submit([]() -> int { throw std::out_of_range("no"); });
    CHECK_THROWS_AS(failing.get(), std::out_of_range);
}

TEST_CASE("thread_pool: callable and arguments are gone when the future is ready") {
    thread_pool pool(2);
    for (int i = 0; i < 500; ++i) {
        auto token = std::make_shared<int>(i);
        pool.submit([token](const std::shared_ptr<int>&) {}, token).get();
        REQUIRE(token.use_count() == 1);
        auto failing = pool.submit([token] { throw std::runtime_error("x"); });
        CHECK_THROWS_AS(failing.get(), std::runtime_error);
        REQUIRE(token.use_count() == 1);
    }
}

TEST_CASE("thread_pool: a posted call may be over-aligned, and of any size") {
    class alignas(128) wide {
    public:
        int value = 7;
    };
    std::atomic<int> sum{0};
    std::atomic<bool> aligned{true};
    {
        thread_pool pool(2);
        for (int i = 0; i < 100; ++i) {
            pool.post([w = wide(), &sum, &aligned] {
                if (reinterpret_cast<std::uintptr_t>(&w) % alignof(wide) != 0) aligned = false;
                sum += w.value;
            });
            pool.post([&sum, large = std::array<char, 500>()] { sum += 1 + large[499]; });
        }
        pool.drain();
    }
    CHECK(sum == 800);
    CHECK(aligned);
}

TEST_CASE("thread_pool: exceptions of posts reach the handler") {
    std::mutex mutex;
    std::multiset<std::string> seen;
    thread_pool pool(thread_pool_options().workers(2).on_exception([&](std::exception_ptr error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            const std::scoped_lock lock(mutex);
            seen.insert(e.what());
        }
    }));
    pool.post([p = std::make_unique<int>(1)] { throw std::runtime_error("first " + std::to_string(*p)); });
    pool.post([] { throw std::logic_error("second"); });
    pool.drain();
    CHECK(seen == std::multiset<std::string>{"first 1", "second"});
}

TEST_CASE("thread_pool: a queued job can be removed, a running or finished one not") {
    thread_pool pool(1);
    counted_job removed, kept;
    gate busy(pool);
    {
        auto shortlived = std::make_unique<counted_job>();
        pool.submit(*shortlived);
        pool.submit(removed);
        pool.submit(kept);
        CHECK(pool.try_remove(*shortlived));
    } // its memory goes while the pool still has work
    CHECK(pool.try_remove(removed));
    CHECK_FALSE(pool.try_remove(removed));
    busy.open();
    pool.drain();
    CHECK(removed.ran + removed.dropped == 0);
    CHECK(kept.ran == 1);
    CHECK_FALSE(pool.try_remove(kept));
}

TEST_CASE("thread_pool: removal races with running: one of the two, never both") {
    thread_pool pool(2);
    std::size_t removed = 0;
    std::size_t wrong = 0;
    constexpr int rounds = slow_build ? 200 : 2'000;
    for (int round = 0; round < rounds; ++round) {
        std::array<counted_job, 16> jobs;
        std::array<bool, 16> gone{};
        for (auto& job : jobs)
            pool.submit(job);
        for (std::size_t i = jobs.size(); i-- > 0;)
            gone[i] = pool.try_remove(jobs[i]);
        pool.drain();
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            wrong += jobs[i].ran != (gone[i] ? 0 : 1);
            removed += gone[i];
        }
    }
    CHECK(wrong == 0);
    CHECK(pool.stats().jobs + removed == 16u * rounds);
}

TEST_CASE("thread_pool: stop finishes what runs, drops what is queued and says so") {
    thread_pool pool(1);
    std::deque<counted_job> outside(100);
    std::deque<counted_job> inside(100);
    std::latch submitted(1);
    std::latch proceed(1);
    std::atomic<bool> posted_ran{false};
    bool finished = false;
    pool.post([&] {
        for (auto& job : inside)
            pool.submit(job);
        submitted.count_down();
        proceed.wait();
        pool.post([&] { posted_ran = true; });
        finished = true;
    });
    submitted.wait();
    for (auto& job : outside)
        pool.submit(job);
    auto future = pool.submit([] { return 1; });
    std::thread stopper([&] { pool.stop(); });
    // A submit that is dropped at once says that the pool is closed; only then may the running job end.
    for (bool closed = false; !closed; std::this_thread::yield()) {
        counted_job probe;
        pool.submit(probe);
        closed = !pool.try_remove(probe);
        if (closed) CHECK(probe.dropped == 1);
    }
    proceed.count_down();
    stopper.join();
    CHECK(finished);
    CHECK_FALSE(posted_ran);
    std::size_t wrong = 0;
    for (auto& job : outside)
        wrong += job.ran != 0 || job.dropped != 1;
    for (auto& job : inside)
        wrong += job.ran != 0 || job.dropped != 1;
    CHECK(wrong == 0);
    CHECK_THROWS_AS(future.get(), tandem::pool_stopped);
    pool.stop();
    pool.drain();
}

TEST_CASE("thread_pool: after stop, posts throw and intrusive jobs are dropped at once") {
    thread_pool pool(2);
    pool.stop();
    CHECK_THROWS_WITH(pool.post([] {}), "thread_pool: submit after stop");
    CHECK_THROWS_AS(pool.submit([] { return 1; }), std::runtime_error);
    counted_job job;
    pool.submit(job);
    CHECK(job.dropped == 1);
    CHECK(job.ran == 0);
    CHECK_FALSE(pool.try_remove(job));
}

TEST_CASE("thread_pool: a worker can neither stop nor drain its pool") {
    thread_pool pool(1);
    auto stop = pool.submit([&] { pool.stop(); });
    auto drain = pool.submit([&] { pool.drain(); });
    CHECK_THROWS_AS(stop.get(), std::logic_error);
    CHECK_THROWS_AS(drain.get(), std::logic_error);
}

TEST_CASE("thread_pool: drain from several threads, beside a stream of other jobs") {
    thread_pool pool(4);
    std::atomic<bool> over{false};
    std::thread stream([&] {
        while (!over) {
            pool.submit([] {}).get();
            pool.post([] {});
        }
    });
    std::vector<std::thread> drainers;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 3; ++t)
        drainers.emplace_back([&] {
            for (int round = 0; round < 100; ++round) {
                std::atomic<std::size_t> leaves{0};
                pool.post([&] { spawn_tree(pool, leaves, 4); });
                pool.drain();
                if (leaves != 16) ++wrong;
            }
        });
    for (auto& drainer : drainers)
        drainer.join();
    over = true;
    stream.join();
    CHECK(wrong == 0);
}

TEST_CASE("thread_pool: drain does not wait for jobs that come later") {
    thread_pool pool(2);
    std::atomic<bool> over{false};
    std::atomic<int> chains{0};
    std::latch first(1);
    // The next job runs before the last one ends, so there is never a moment without a job.
    std::thread outside([&] {
        auto running = std::make_unique<gate>(pool);
        first.count_down();
        while (!over) {
            auto next = std::make_unique<gate>(pool);
            running = std::move(next);
            ++chains;
        }
    });
    first.wait();
    for (int i = 0; i < 20; ++i)
        pool.drain();
    over = true;
    outside.join();
    pool.drain();
    CHECK(pool.stats().jobs == 1u + static_cast<unsigned>(chains.load()));
}

TEST_CASE("thread_pool: created and destroyed a thousand times, idle, working and full") {
    constexpr int rounds = slow_build ? 300 : 1'000;
    std::atomic<int> ran{0};
    auto token = std::make_shared<int>();
    for (int i = 0; i < rounds; ++i) {
        thread_pool pool(3);
        for (int j = 0; j < i % 20; ++j)
            pool.post([&ran, token] { ++ran; });
    }
    CHECK(token.use_count() == 1); // dropped posts are destroyed too
}

TEST_CASE("thread_pool: stop races with submits from outside and inside") {
    for (int round = 0; round < 100; ++round) {
        thread_pool pool(2);
        std::deque<counted_job> jobs(200);
        std::thread outside([&] {
            for (auto& job : jobs)
                pool.submit(job);
        });
        std::atomic<std::size_t> leaves{0};
        pool.post([&] { spawn_tree(pool, leaves, 6); });
        pool.stop();
        outside.join();
        std::size_t wrong = 0;
        for (auto& job : jobs)
            wrong += job.ran + job.dropped != 1;
        REQUIRE(wrong == 0);
    }
}

TEST_CASE("thread_pool: knows its workers, and names them") {
    thread_pool pool(thread_pool_options().workers(2).name("a-rather-long-name"));
    thread_pool other(1);
    CHECK(pool.workers() == 2);
    CHECK(thread_pool(0).workers() >= 1);
    CHECK_FALSE(pool.on_worker());
    CHECK(thread_pool::current() == nullptr);
    pool.submit([&] {
            if (!pool.on_worker() || other.on_worker() || thread_pool::current() != &pool)
                throw std::logic_error("wrong pool");
        })
        .get();
#if defined(__linux__)
    const auto name = pool.submit([] {
                              std::array<char, 16> text{};
                              pthread_getname_np(pthread_self(), text.data(), text.size());
                              return std::string(text.data());
                          })
                          .get();
    CHECK(name.substr(0, 14) == "a-rather-long-");
    CHECK(name.size() == 15);
#endif
}

TEST_CASE("thread_pool: busy time is the time of work, not of idling") {
    thread_pool pool(2);
    const auto begin = std::chrono::steady_clock::now();
    gate busy(pool);
    while (std::chrono::steady_clock::now() - begin < 2ms)
        std::this_thread::yield();
    const auto while_running = pool.stats().busy;
    busy.open();
    pool.drain();
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    CHECK(while_running > 0ns);
    CHECK(pool.stats().busy >= while_running);
    CHECK(pool.stats().busy <= 2 * elapsed);
    CHECK(pool.stats().jobs == 1);
}
