// The pool as it is, with random pauses before each step of its protocols. A lost wake-up shows as a test
// that does not end; ctest's time limit reports it.
#include "tests/stress/pauses.hpp"
#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"

#include <tandem/parallelism/fork_join.hpp>
#include <tandem/parallelism/parallel_for.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <memory>
#include <random>
#include <thread>
#include <vector>

using tandem::thread_pool;

namespace {

// A job that is submitted many times; each run is checked against the submits.
class repeated_job : public tandem::pool_job {
public:
    repeated_job() : pool_job(&act) {}

    // By its owner, one submit at a time: false if it ran more often than it was submitted.
    bool submit_to(thread_pool& pool) {
        while (runs_.load() < submits_)
            std::this_thread::yield(); // still queued from the last time
        if (runs_.load() != submits_) return false;
        ++submits_;
        payload_ = submits_;
        pool.submit(*this);
        return true;
    }
    bool ran_each_time() const { return runs_.load() == submits_ && !wrong_.load(); }

private:
    static void act(pool_job& job, bool dropped) noexcept {
        auto& self = static_cast<repeated_job&>(job);
        // Plain, written before the submit; after the count the owner may write it again.
        if (dropped || self.payload_ != self.runs_.load() + 1) self.wrong_.store(true);
        self.runs_.fetch_add(1);
    }

    std::uint64_t submits_ = 0; // the owner's
    std::uint64_t payload_ = 0;
    std::atomic<std::uint64_t> runs_{0};
    std::atomic<bool> wrong_{false};
};

// `count` submits from each of `producers` threads; how many of them are not right.
std::size_t lost_or_doubled(thread_pool& pool, std::size_t producers, std::size_t count) {
    constexpr std::size_t window = 4'096;
    std::vector<std::unique_ptr<repeated_job[]>> jobs;
    for (std::size_t i = 0; i < producers; ++i)
        jobs.push_back(std::make_unique<repeated_job[]>(window));
    std::atomic<std::size_t> wrong{0};
    std::latch all_there(static_cast<std::ptrdiff_t>(producers));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < producers; ++i)
        threads.emplace_back([&, i] {
            all_there.arrive_and_wait();
            for (std::size_t n = 0; n < count; ++n)
                if (!jobs[i][n % window].submit_to(pool)) wrong.fetch_add(1);
        });
    for (std::thread& thread : threads)
        thread.join();
    pool.drain();
    for (const auto& mine : jobs)
        for (std::size_t k = 0; k < window; ++k)
            if (!mine[k].ran_each_time()) wrong.fetch_add(1);
    return wrong.load();
}

} // namespace

TEST_CASE("thread_pool: of ten million submits from four threads none is lost and none runs twice") {
    stress::seed(1);
    thread_pool pool(2);
    const std::size_t each = tests::repeat(2'500'000, 250'000);
    CHECK(lost_or_doubled(pool, 4, each) == 0);
    CHECK(pool.stats().jobs == 4 * each);
}

TEST_CASE("thread_pool: with random pauses, a worker that goes to sleep is woken for the next job") {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        stress::seed(seed);
        for (const std::size_t workers : {1u, 2u, 4u}) {
            thread_pool pool(workers);
            std::mt19937 random(seed);
            repeated_job job;
            bool right = true;
            for (std::size_t i = tests::repeat(5'000, 2'000); i != 0; --i) {
                right = job.submit_to(pool) && right; // waits until the last submit has run
                if (random() % 4 == 0) std::this_thread::yield();
            }
            pool.drain();
            CHECK(right);
            CHECK(job.ran_each_time());
        }
    }
}

TEST_CASE("thread_pool: with random pauses, jobs that submit jobs all run") {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        stress::seed(seed);
        thread_pool pool(4);
        std::atomic<std::size_t> ran{0};
        class tree {
        public:
            thread_pool& pool;
            std::atomic<std::size_t>& ran;
            unsigned depth;
            void operator()() const {
                ran.fetch_add(1);
                for (int child = 0; depth != 0 && child < 3; ++child)
                    pool.post(tree{pool, ran, depth - 1});
            }
        };
        const unsigned depth = tests::repeat(8, 6);
        std::size_t nodes = 0;
        for (unsigned level = 0, width = 1; level <= depth; ++level, width *= 3)
            nodes += width;
        pool.post(tree{pool, ran, depth});
        pool.drain();
        CHECK(ran.load() == nodes);
    }
}

TEST_CASE("thread_pool: with random pauses, a job is removed or runs, and then its memory may go") {
    stress::seed(1);
    thread_pool pool(2);
    class owned_job : public tandem::pool_job {
    public:
        explicit owned_job(std::atomic<std::size_t>& count) : pool_job(&act), count_(count) {}

    private:
        static void act(pool_job& job, bool) noexcept {
            auto* const self = static_cast<owned_job*>(&job);
            self->count_.fetch_add(1);
            delete self;
        }
        std::atomic<std::size_t>& count_;
    };
    std::atomic<std::size_t> ran{0};
    std::atomic<std::size_t> removed{0};
    const std::size_t each = tests::repeat(100'000, 20'000);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            class kept_job : public tandem::pool_job {
            public:
                kept_job()
                    : pool_job([](pool_job& job, bool) noexcept {
                          static_cast<kept_job&>(job).ran.store(true);
                      }) {}
                std::atomic<bool> ran{false};
            };
            for (std::size_t n = 0; n < each; ++n) {
                pool.submit(*new owned_job(ran));
                const auto kept = std::make_unique<kept_job>();
                pool.submit(*kept);
                if (pool.try_remove(*kept)) {
                    removed.fetch_add(1);
                    continue; // freed at once
                }
                while (!kept->ran.load())
                    std::this_thread::yield();
                ran.fetch_add(1);
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    pool.drain();
    CHECK(ran.load() + removed.load() == 4 * each);
}

TEST_CASE("thread_pool: with random pauses, stopped while others submit") {
    stress::seed(1);
    for (std::size_t round = tests::repeat(1'000, 50); round != 0; --round) {
        std::atomic<int> ran{0};
        std::atomic<int> dropped{0};
        class job : public tandem::pool_job {
        public:
            job() : pool_job(&act) {}
            std::atomic<int>* ran = nullptr;
            std::atomic<int>* dropped = nullptr;

        private:
            static void act(pool_job& job_, bool was_dropped) noexcept {
                auto& self = static_cast<job&>(job_);
                (was_dropped ? self.dropped : self.ran)->fetch_add(1);
            }
        };
        std::vector<job> jobs(50);
        for (job& j : jobs) {
            j.ran = &ran;
            j.dropped = &dropped;
        }
        {
            thread_pool pool(1 + round % 3);
            std::thread submitter([&] {
                for (job& j : jobs)
                    pool.submit(j);
            });
            if (round % 2 == 0) std::this_thread::yield();
            pool.stop();
            submitter.join();
        }
        REQUIRE(ran.load() + dropped.load() == 50);
    }
}

namespace {

long fib(thread_pool& pool, int n) {
    if (n < 2) return n;
    long a = 0;
    long b = 0;
    tandem::parallel_invoke(pool, [&] { a = fib(pool, n - 1); }, [&] { b = fib(pool, n - 2); });
    return a + b;
}

} // namespace

TEST_CASE("parallel_invoke: with random pauses, stolen or not, each call runs once") {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        stress::seed(seed);
        for (const std::size_t workers : {2u, 4u}) {
            thread_pool pool(workers);
            constexpr int n = static_cast<int>(tests::repeat(22, 15));
            const long expected = n == 22 ? 17'711 : 610;
            CHECK(fib(pool, n) == expected);
            // From several threads at once: a join then meets the work of others.
            std::vector<long> results(3);
            std::vector<std::thread> threads;
            for (long& result : results)
                threads.emplace_back([&pool, &result] { result = fib(pool, n - 3); });
            for (std::thread& thread : threads)
                thread.join();
            for (const long result : results)
                CHECK(result == (n == 22 ? 4'181 : 144));
        }
    }
}

TEST_CASE("parallel_for: with random pauses, each index is visited once, in nested loops, too") {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        stress::seed(seed);
        thread_pool pool(4);
        const std::size_t rows = 60;
        const std::size_t columns = tests::repeat(300, 30);
        std::vector<std::atomic<int>> visits(rows * columns);
        tandem::parallel_for(pool, std::size_t{0}, rows, [&](std::size_t row) {
            tandem::parallel_for(pool, std::size_t{0}, columns,
                                 [&](std::size_t column) { visits[row * columns + column].fetch_add(1); });
        });
        bool once = true;
        for (const auto& count : visits)
            once = once && count.load() == 1;
        CHECK(once);
    }
}
