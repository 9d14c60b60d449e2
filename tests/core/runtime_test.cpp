#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;

namespace {

std::atomic<int> alive{0};

// Counts what lives; a frame that leaks or is destroyed twice shows.
class life {
public:
    life() noexcept { ++alive; }
    life(life&&) noexcept { ++alive; }
    life(const life&) noexcept { ++alive; }
    ~life() { --alive; }
};

template <class Operation>
task<> suspended_in(Operation make, life) {
    const life here;
    co_await make();
}

// Swallows every cancellation.
template <class Operation>
task<> stubborn_in(Operation make, life) {
    const life here;
    for (;;) {
        static_cast<void>(co_await tests::ends(as_task(make())));
        // The cancelled operation fails at once; a foreign awaiter never ends.
        co_await std::suspend_always();
    }
}

runtime_options quick(std::size_t n) {
    return tests::loops(n).drain_timeout(20ms);
}

} // namespace

TEST_CASE("runtime: run gives the result or the exception, again and again") {
    runtime rt(tests::small());
    for (int i = 0; i < 100; ++i) {
        auto value = [](int n) -> task<int> {
            co_await yield();
            co_return n;
        };
        CHECK(rt.run(value, i) == i);
    }
    auto fails = []() -> task<std::string> { throw std::runtime_error("x"); };
    CHECK_THROWS_AS(rt.run(fails), std::runtime_error);
    auto boxed = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(1); };
    CHECK(*rt.run(boxed()) == 1);
    CHECK(rt.loops() == 1);
    CHECK(runtime_options().loops(0).loops() == 1);
    CHECK(rt.pool().workers() == 1);
}

TEST_CASE("runtime: made and destroyed without any task, with several loops") {
    for (std::size_t n = 1; n <= 4; ++n)
        runtime rt(runtime_options().loops(n).workers(1));
    SUCCEED("joined");
}

TEST_CASE("runtime: background tasks run beside run, on the loop that was named, from any thread") {
    runtime rt(tests::loops(2));
    std::atomic<int> on_right_loop{0};
    event all;
    auto background = [&](std::size_t loop) -> task<> {
        if (rt.loop(loop).is_current() && ++on_right_loop == 40) all.set();
        co_return;
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] {
            for (std::size_t i = 0; i < 20; ++i)
                rt.spawn(tandem::invoke(background, i % 2), i % 2);
        });
    rt.run([&]() -> task<> { co_await all.wait(); });
    for (std::thread& t : threads)
        t.join();
    CHECK(on_right_loop == 40);
}

TEST_CASE("runtime: exceptions of background tasks reach on_unhandled, cancellations do not") {
    std::vector<std::string> told;
    event second;
    runtime rt(tests::small().on_unhandled([&](const std::exception_ptr& failure) {
        told.push_back(describe(failure));
        if (told.size() == 2) second.set();
    }));
    auto fails = [](std::string what) -> task<> {
        co_await yield();
        throw std::runtime_error(what);
    };
    auto cancelled = []() -> task<> {
        co_await yield();
        throw operation_cancelled();
    };
    rt.spawn(fails("one"));
    rt.spawn(cancelled());
    rt.spawn(fails("two"));
    rt.run([&]() -> task<> { co_await second.wait(); });
    CHECK(told == std::vector<std::string>{"std::runtime_error: one", "std::runtime_error: two"});
}

TEST_CASE("runtime: an exception while the runtime is destroyed is told, too") {
    std::string told;
    {
        runtime rt(tests::small().on_unhandled([&](const std::exception_ptr& f) { told = describe(f); }));
        auto background = []() -> task<> {
            const ending how = co_await tests::ends(as_task(sleep_for(1h)));
            if (how == ending::cancelled) throw std::runtime_error("while cleaning up");
        };
        rt.spawn(background());
        rt.run(tests::turns(3));
    }
    CHECK(told == "std::runtime_error: while cleaning up");
}

TEST_CASE("runtime: destroying it cancels background tasks and lets them clean up") {
    alive = 0;
    std::atomic<int> cleaned{0};
    {
        runtime rt(tests::loops(2));
        auto background = [&](std::size_t n) -> task<> {
            const life here;
            const ending how = co_await tests::ends(as_task(sleep_for(1h)));
            auto compute = [](int x) { return x; };
            static_cast<void>(co_await tests::ends(as_task(offload(compute, 1))));
            if (how == ending::cancelled) ++cleaned;
            static_cast<void>(n);
        };
        for (std::size_t i = 0; i < 100; ++i)
            rt.spawn(tandem::invoke(std::ref(background), i), i % 2);
        rt.run(tests::turns(3));
    }
    CHECK(cleaned == 100);
    CHECK(alive == 0);
}

TEST_CASE("runtime: tasks that were never run are destroyed with it") {
    alive = 0;
    {
        runtime rt(quick(1));
        std::atomic<bool> begun{false};
        auto background = [&begun](life) -> task<> {
            begun = true;
            co_await std::suspend_always();
        };
        rt.spawn(background(life()));
    }
    CHECK(alive == 0);
}

TEST_CASE("runtime: a task's argument that spawns while it is destroyed") {
    alive = 0;
    class spawner {
    public:
        explicit spawner(runtime& rt) noexcept : rt_(&rt) {}
        spawner(spawner&& other) noexcept : rt_(std::exchange(other.rt_, nullptr)) {}
        ~spawner() {
            if (!rt_) return;
            auto next = [](life) -> task<> { co_return; };
            rt_->spawn(next(life()));
        }

    private:
        runtime* rt_;
    };
    {
        runtime rt(quick(1));
        auto background = [](spawner) -> task<> { co_return; };
        rt.spawn(background(spawner(rt)));
        rt.run(tests::turns(5));
        auto waits = [](spawner) -> task<> { co_await std::suspend_always(); };
        rt.spawn(waits(spawner(rt)));
        rt.run(tests::turns(5));
        auto sleeps = [](spawner) -> task<> { co_await sleep_for(1h); };
        rt.spawn(sleeps(spawner(rt)));
        rt.run(tests::turns(5));
        static_cast<void>(rt);
    }
    CHECK(alive == 0);
}

TEST_CASE("runtime: destroyed with 10,000 suspended tasks it leaks nothing") {
    constexpr std::size_t each = 1'000;
    for (const std::size_t n : std::vector<std::size_t>{1, 2}) {
        alive = 0;
        event never;
        channel<life> empty(0);
        semaphore none(0);
        {
            runtime rt(tests::loops(n).drain_timeout(std::chrono::milliseconds(tests::repeat(100, 300))));
            const auto here = [&rt, n](std::size_t i, auto make) {
                rt.spawn(suspended_in(make, life()), i % n);
            };
            const auto there = [&rt, n](std::size_t i, auto make) {
                rt.spawn(stubborn_in(make, life()), i % n);
            };
            for (std::size_t i = 0; i < each; ++i) {
                here(i, [] { return sleep_for(1h); });
                here(i, [&] { return never.wait(); });
                there(i, [] { return sleep_for(1h); });
                there(i, [&] { return never.wait(); });
                there(i, [&] { return empty.receive(); });
                there(i, [&] { return empty.send(life()); });
                there(i, [&] { return none.acquire(); });
                // Joins and groups, whose children ignore cancellation.
                there(i, [&] {
                    return when_all(stubborn_in([&] { return never.wait(); }, life()), never.wait());
                });
                there(i, [&] {
                    return with_timeout(
                        1h, when_any(stubborn_in([] { return sleep_for(2h); }, life()), never.wait()));
                });
                there(i, [&, n, i] {
                    auto body = [&rt, &never, n, i](task_group& group) -> task<> {
                        const life mine;
                        auto child = [&never]() -> task<> {
                            return stubborn_in([&never] { return never.wait(); }, life());
                        };
                        group.spawn_on(rt.loop((i + 1) % n), child);
                        group.spawn(child);
                        co_await std::suspend_always();
                    };
                    return with_task_group(body);
                });
            }
            rt.run(tests::turns(2));
            CHECK(alive > 0);
        }
        CHECK(alive == 0);
        CHECK(none.available() == 0);
    }
}

TEST_CASE("runtime: destroyed while calls run on its pool and on another") {
    alive = 0;
    std::atomic<int> ran{0};
    thread_pool other(1);
    std::latch begun(2);
    std::atomic<bool> go{false};
    std::thread opener;
    {
        runtime rt(quick(1).workers(1));
        auto compute = [&](const life&) {
            begun.count_down();
            while (!go)
                std::this_thread::yield();
            ++ran;
        };
        auto queued = [&](const life&) { ++ran; };
        auto on_own = [&]() -> task<> { co_await offload(std::ref(compute), life()); };
        auto on_other = [&]() -> task<> { co_await offload(other, std::ref(compute), life()); };
        auto behind = [&](bool own) -> task<> {
            if (own)
                co_await offload(std::ref(queued), life());
            else
                co_await offload(other, std::ref(queued), life());
        };
        rt.spawn(on_own());
        rt.spawn(on_other());
        rt.run(tests::turns(2));
        begun.wait();
        for (int i = 0; i < 20; ++i) {
            rt.spawn(behind(true));
            rt.spawn(behind(false));
        }
        rt.run(tests::turns(2));
        // Most likely when the drain's time is up and the frames are being destroyed; right at any time.
        opener = std::thread([&go] {
            std::this_thread::sleep_for(60ms);
            go = true;
        });
    }
    opener.join();
    CHECK(alive == 0);
    CHECK(ran == 2);
}

TEST_CASE("runtime: at tear-down a group's children go before what they refer to") {
    alive = 0;
    {
        runtime rt(quick(1));
        auto scope = []() -> task<> {
            task_group group;
            semaphore slots(1); // made after the group: fine as long as somebody joins
            auto child = [&slots]() -> task<> {
                const life here;
                const semaphore_permit permit = co_await slots.acquire();
                for (;;)
                    co_await std::suspend_always();
            };
            group.spawn(std::ref(child));
            group.spawn(std::ref(child));
            co_await group.join();
        };
        rt.spawn(scope());
        rt.run(tests::turns(3));
    }
    CHECK(alive == 0);
}

TEST_CASE("runtime: time that loops are busy is counted") {
    runtime rt(tests::loops(2));
    const std::uint64_t before = rt.loop_busy_ns(0);
    rt.run([]() -> task<> {
        const auto until = std::chrono::steady_clock::now() + 5ms;
        while (std::chrono::steady_clock::now() < until)
            co_await yield();
    });
    CHECK(rt.loop_busy_ns(0) >= before + 5'000'000);
    static_cast<void>(rt.loop_busy_ns(1));
}

TEST_CASE("runtime: one inside a task of another") {
    runtime outer(tests::small());
    const int n = outer.run([]() -> task<int> {
        auto inner_main = []() -> task<int> {
            co_await sleep_for(1ms);
            co_return 5;
        };
        runtime inner(tests::small());
        const int got = inner.run(inner_main());
        co_await sleep_for(1ms);
        co_return got + 1;
    });
    CHECK(n == 6);
}
