#include <tandem/parallelism/future.hpp>

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/core/block_on.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/parallelism/fork_join.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pool_gate.hpp"
#include "tests/support/tasks.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::pool_gate;
using tests::run_on_loop;

namespace {

static_assert(!std::is_copy_constructible_v<future<int>>);
static_assert(std::is_nothrow_move_constructible_v<future<int>>);

long fib(thread_pool& pool, int n) {
    if (n < 2) return n;
    auto first = pool.submit([&pool, n] { return fib(pool, n - 1); });
    const long second = fib(pool, n - 2);
    return first.get() + second;
}

} // namespace

TEST_CASE("future: an empty one, one that was moved, one whose result was taken") {
    thread_pool pool(1);
    future<int> empty;
    CHECK_FALSE(empty.valid());
    CHECK_FALSE(empty.done());
    CHECK_FALSE(empty.cancelled());
    CHECK_FALSE(empty.cancel());
    CHECK_THROWS_AS(empty.wait(), std::logic_error);
    CHECK_THROWS_AS(empty.get(), std::logic_error);
    auto one = pool.submit([] { return 1; });
    future<int> two = std::move(one);
    CHECK_FALSE(one.valid());
    CHECK(two.get() == 1);
    CHECK_FALSE(two.valid());
    CHECK_THROWS_WITH(two.get(), "future: wait without a call: it is empty, or its result was taken");
    two = pool.submit([] { return 2; });
    two = pool.submit([] { return 3; }); // the other call runs on
    CHECK(two.get() == 3);
    pool.drain();
    CHECK(pool.stats().jobs == 3);
}

TEST_CASE("future: done tells the end, wait_for the time that was up") {
    thread_pool pool(1);
    future<int> queued;
    {
        pool_gate busy(pool);
        queued = pool.submit([] { return 5; });
        CHECK_FALSE(queued.done());
        CHECK_FALSE(queued.wait_for(1ms));
        CHECK_FALSE(queued.wait_for(0ms));
    }
    CHECK(queued.wait_for(std::chrono::hours::max()));
    CHECK(queued.done());
    CHECK_FALSE(queued.cancelled());
    CHECK(queued.wait_for(0ms));
    queued.wait();
    CHECK(queued.get() == 5);
}

TEST_CASE("future: a call that is queued is cancelled, wherever it is queued") {
    thread_pool pool(1);
    std::atomic<int> ran{0};
    auto token = std::make_shared<int>();
    SECTION("by a thread") {
        pool_gate busy(pool);
        auto call = pool.submit([&ran, token] { ++ran; });
        CHECK(call.cancel());
        CHECK(token.use_count() == 1); // at once, not when the worker gets there
        CHECK(call.done());
        CHECK(call.cancelled());
        CHECK(call.cancel() == false);
        CHECK_THROWS_AS(call.get(), operation_cancelled);
    }
    SECTION("by a worker, in its deque") {
        const bool cancelled = pool.submit([&] {
                                       auto call = pool.submit([&ran, token] { ++ran; });
                                       return call.cancel();
                                   })
                                   .get();
        CHECK(cancelled);
    }
    pool.drain();
    CHECK(ran == 0);
    CHECK(token.use_count() == 1);
}

TEST_CASE("future: a call that runs is asked to stop, and hands its result over") {
    thread_pool pool(1);
    std::latch begun(1);
    auto call = pool.submit(
        [&begun](const std::stop_token& stop, int x) {
            begun.count_down();
            while (!stop.stop_requested())
                std::this_thread::yield();
            return x;
        },
        7);
    begun.wait();
    CHECK_FALSE(call.cancel());
    CHECK(call.get() == 7);

    std::latch deaf_begun(1);
    std::latch release(1);
    auto deaf = pool.submit([&] {
        deaf_begun.count_down();
        release.wait();
        return 8;
    });
    deaf_begun.wait();
    CHECK_FALSE(deaf.cancel());
    release.count_down();
    CHECK(deaf.get() == 8);
}

TEST_CASE("future: the end of the pool asks calls to stop, and drops those that are queued") {
    auto pool = std::make_unique<thread_pool>(1);
    std::latch begun(2);
    auto told = pool->submit([&begun](const std::stop_token& stop) {
        begun.count_down();
        while (!stop.stop_requested())
            std::this_thread::yield();
        return 1;
    });
    pool->post([](const std::stop_token&) {});
    auto queued = pool->submit([] { return 2; });
    begun.count_down();
    begun.wait();
    pool.reset();
    CHECK(told.get() == 1); // a future may outlive its pool
    CHECK_THROWS_WITH(queued.get(), "thread_pool: the pool stopped before the call began");
}

TEST_CASE("future: posts that take a token are told of the end of their pool") {
    std::latch begun(1);
    bool told = false;
    {
        thread_pool pool(1);
        CHECK_FALSE(pool.stop_token().stop_requested());
        pool.post([&](const std::stop_token& stop) {
            begun.count_down();
            while (!stop.stop_requested())
                std::this_thread::yield();
            told = true;
        });
        begun.wait();
    }
    CHECK(told);
}

TEST_CASE("future: a worker that waits runs the call itself, or other work") {
    for (const std::size_t workers : {std::size_t{1}, std::size_t{3}}) {
        thread_pool pool(workers);
        CHECK(pool.submit([&pool] { return fib(pool, tests::sanitized ? 10 : 16); }).get() ==
              (tests::sanitized ? 55 : 987));
    }
    // The call that is waited for runs on the other worker; this one has to run the third.
    thread_pool pool(2);
    std::latch begun(1);
    std::latch helped(1);
    const int result = pool.submit([&] {
                               auto slow = pool.submit([&] {
                                   begun.count_down();
                                   helped.wait();
                                   return 9;
                               });
                               while (!begun.try_wait()) // taken by the other worker
                                   std::this_thread::yield();
                               pool.post([&helped] { helped.count_down(); });
                               return slow.get();
                           })
                           .get();
    CHECK(result == 9);
}

TEST_CASE("future: waiting beside forks, whose owner runs them while it waits") {
    thread_pool pool(2);
    for (int round = 0; round < 300; ++round) {
        std::atomic<int> ran{0};
        auto inner = [&] {
            auto call = pool.submit([&ran] { ++ran; });
            call.wait();
        };
        auto branch = [&] { parallel_invoke(pool, inner, inner, inner); };
        parallel_invoke(pool, branch, branch, inner);
        REQUIRE(ran == 7);
    }
}

TEST_CASE("future: a worker may wait for a call of another pool") {
    thread_pool pool(1);
    thread_pool other(1);
    const bool elsewhere =
        pool.submit([&] { return other.submit([&] { return other.on_worker(); }).get(); }).get();
    CHECK(elsewhere);
}

TEST_CASE("future: the pool may stop while a worker waits") {
    for (int round = 0; round < 50; ++round) {
        thread_pool pool(2);
        std::latch begun(1);
        auto outer = pool.submit([&] {
            begun.count_down();
            int dropped = 0;
            for (;;) {
                auto inner = pool.submit([] { std::this_thread::yield(); });
                try {
                    inner.wait();
                    inner.get();
                } catch (const pool_stopped&) {
                    ++dropped;
                }
                if (pool.stop_token().stop_requested()) break;
            }
            return dropped;
        });
        begun.wait();
        pool.stop();
        CHECK(outer.get() >= 0);
    }
}

TEST_CASE("future: on a loop's thread waiting is refused, awaiting is not") {
    thread_pool other(1);
    run_on_loop([&]() -> task<> {
        pool_gate busy(other);
        auto call = other.submit([] { return 4; });
        std::string what;
        try {
            call.wait();
        } catch (const std::logic_error& e) {
            what = e.what();
        }
        CHECK(what.find("co_await") != std::string::npos);
        busy.open();
        const int result = co_await std::move(call);
        CHECK(result == 4);
        auto ready = other.submit([] { return 5; });
        while (!ready.done())
            co_await yield();
        CHECK(ready.get() == 5); // nothing to wait for
    });
}

TEST_CASE("future: awaited, it gives results, references, exceptions and move-only things") {
    thread_pool pool(2);
    run_on_loop([&]() -> task<> {
        auto value = pool.submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(3));
        const std::unique_ptr<int> got = co_await std::move(value);
        CHECK(*got == 3);
        int variable = 1;
        auto reference = pool.submit([](int& v) -> int& { return v; }, std::ref(variable));
        int& same = co_await std::move(reference);
        CHECK(&same == &variable);
        auto failing = pool.submit([]() -> int { throw std::out_of_range("far"); });
        const std::string what = co_await tests::message_of(as_task(std::move(failing)));
        CHECK(what == "far");
        auto nothing = pool.submit([] {});
        co_await std::move(nothing);
        future<int> empty;
        const std::string misuse = co_await tests::message_of(as_task(std::move(empty)));
        CHECK(misuse.find("without a call") != std::string::npos);
        auto a = pool.submit([] { return 1; });
        auto b = pool.submit([] { return 2; });
        const auto both = co_await when_all(std::move(a), std::move(b));
        CHECK(std::get<0>(both) + std::get<1>(both) == 3);
    });
    CHECK(block_on(pool.submit([] { return 6; })) == 6);
}

TEST_CASE("future: cancelling the task that awaits it cancels the call") {
    thread_pool one(1);
    SECTION("queued") {
        std::atomic<int> ran{0};
        run_on_loop([&]() -> task<> {
            pool_gate busy(one);
            auto call = one.submit([&ran] { ++ran; });
            auto race = co_await when_any(std::move(call), tests::turns(3));
            CHECK(race.index() == 1);
            CHECK(race.get<0>().cancelled());
        });
        one.drain();
        CHECK(ran == 0);
    }
    SECTION("running") {
        run_on_loop([&]() -> task<> {
            std::atomic<bool> running{false};
            auto call = one.submit([&running](const std::stop_token& stop) {
                running = true;
                while (!stop.stop_requested())
                    std::this_thread::yield();
                return 3;
            });
            auto until_running = [&running]() -> task<> {
                while (!running)
                    co_await yield();
            };
            auto race = co_await when_any(std::move(call), until_running());
            CHECK(race.index() == 1);
            CHECK(race.get<0>().value() == 3);
        });
    }
}

TEST_CASE("future: awaited and cancelled at every moment") {
    thread_pool pool(1);
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        std::atomic<int> running{0};
        auto compute = [&running](unsigned x) {
            ++running;
            for (unsigned i = 0; i < 1000; ++i)
                x = x * 31 + i;
            --running;
            return x;
        };
        auto scenario = [&]() -> task<> {
            auto first = pool.submit(compute, 1u);
            static_cast<void>(co_await std::move(first));
            auto second = pool.submit(compute, 2u);
            auto third = pool.submit(compute, 3u);
            static_cast<void>(co_await when_all(std::move(second), std::move(third)));
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(running == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 0);
}

TEST_CASE("future: cancel races with the worker: the call runs or is cancelled, never both") {
    thread_pool pool(2);
    std::size_t wrong = 0;
    std::size_t cancelled = 0;
    const std::size_t rounds = tests::repeat(3'000, 300);
    for (std::size_t round = 0; round < rounds; ++round) {
        std::array<std::atomic<int>, 8> ran{};
        std::array<future<>, 8> calls;
        for (std::size_t i = 0; i < calls.size(); ++i)
            calls[i] = pool.submit([&ran, i] { ++ran[i]; });
        std::array<bool, 8> gone{};
        for (std::size_t i = calls.size(); i-- > 0;)
            gone[i] = calls[i].cancel();
        wait_all(calls);
        for (std::size_t i = 0; i < calls.size(); ++i) {
            wrong += ran[i] != (gone[i] ? 0 : 1) || calls[i].cancelled() != gone[i];
            cancelled += gone[i];
        }
    }
    CHECK(wrong == 0);
    CHECK(cancelled > 0);
}

TEST_CASE("future: let go, its call runs on") {
    thread_pool pool(2);
    std::atomic<int> ran{0};
    for (int i = 0; i < 100; ++i) {
        auto call = pool.submit([&ran, i] {
            ++ran;
            if (i % 2 != 0) throw std::runtime_error("dropped with the future");
        });
        static_cast<void>(call);
    }
    pool.drain();
    CHECK(ran == 100);
}

TEST_CASE("future: what is larger than a recycled block, and over-aligned things") {
    thread_pool pool(2);
    std::array<unsigned char, 1000> large{};
    large[999] = 9;
    CHECK(pool.submit([large] { return int{large[999]}; }).get() == 9);
    class alignas(128) wide {
    public:
        int value = 3;
    };
    const wide one;
    const bool aligned =
        pool.submit([one] { return reinterpret_cast<std::uintptr_t>(&one) % alignof(wide) == 0; }).get();
    CHECK(aligned);
}
