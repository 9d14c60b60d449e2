#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/block_on.hpp>
#include <tandem/parallelism/offload.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// Blocks a pool's worker until it is opened.
class gate {
public:
    void pass() {
        begun_.count_down();
        open_.wait();
    }
    void wait_until_begun() { begun_.wait(); }
    void open() { open_.count_down(); }

private:
    std::latch begun_{1};
    std::latch open_{1};
};

} // namespace

TEST_CASE("offload: runs on the pool, goes on at home, carries results and exceptions") {
    run_on_loop([]() -> task<> {
        scheduler& home = task_context::current()->home();
        const auto here = std::this_thread::get_id();
        auto add = [](int a, int b) { return a + b; };
        const int sum = co_await offload(add, 2, 3);
        CHECK(sum == 5);
        CHECK(home.is_current());
        auto where = [] { return std::this_thread::get_id(); };
        const auto there = co_await offload(where);
        CHECK(there != here);
        auto nothing = [] {};
        co_await offload(nothing);
        auto fails = []() -> std::string { throw std::runtime_error("computed badly"); };
        std::string what;
        try {
            static_cast<void>(co_await offload(fails));
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "computed badly");
        CHECK(home.is_current());
    });
}

TEST_CASE("offload: move-only callables, arguments and results, references through std::ref") {
    run_on_loop([]() -> task<> {
        auto owned = std::make_unique<int>(40);
        auto callable = [owned = std::move(owned)](std::unique_ptr<int> argument) {
            return std::make_unique<int>(*owned + *argument);
        };
        auto pending = offload(std::move(callable), std::make_unique<int>(2));
        const std::unique_ptr<int> result = co_await std::move(pending);
        CHECK(*result == 42);
        std::vector<int> values(3, 1);
        auto fill = [](std::vector<int>& v) { v.assign(5, 7); };
        co_await offload(fill, std::ref(values));
        CHECK(values == std::vector<int>(5, 7));
        const std::size_t length = co_await offload(&std::string::size, std::string("four"));
        CHECK(length == 4);
    });
}

TEST_CASE("offload: on another pool, no companion, a stopped pool") {
    thread_pool other(1);
    run_on_loop([&]() -> task<> {
        auto which = [] { return thread_pool::current(); };
        thread_pool* const used = co_await offload(other, which);
        CHECK(used == &other);
        thread_pool* const own = co_await offload(which);
        CHECK(own != &other);
        CHECK(own != nullptr);
        other.stop();
        std::string what;
        try {
            static_cast<void>(co_await offload(other, which));
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK_FALSE(what.empty());
    });
}

TEST_CASE("offload: a call that is queued is taken back when it is cancelled") {
    thread_pool one(1);
    gate blocked;
    std::atomic<int> ran{0};
    run_on_loop([&]() -> task<> {
        auto block = [&] { blocked.pass(); };
        auto count = [&] { ++ran; };
        auto first = [&]() -> task<> { co_await offload(one, block); };
        std::vector<ending> ends(10, ending::value);
        auto queued = [&](std::size_t i) -> task<> {
            ends[i] = co_await tests::ends(as_task(offload(one, count)));
        };
        co_await with_task_group([&](task_group& outer) -> task<> {
            outer.spawn(std::ref(first));
            co_await tests::turns(2);
            blocked.wait_until_begun();
            co_await with_task_group([&](task_group& group) -> task<> {
                for (std::size_t i = 0; i < 10; ++i)
                    group.spawn(std::ref(queued), i);
                co_await tests::turns(2);
                group.cancel();
            });
            // All gone although the worker is still blocked.
            CHECK(ends == std::vector<ending>(10, ending::cancelled));
            blocked.open();
        });
    });
    one.drain();
    CHECK(ran == 0);
}

TEST_CASE("offload: a call that runs is told and waited for, its result handed over") {
    run_on_loop([]() -> task<> {
        std::latch begun(1);
        int result = 0;
        bool ended = false;
        ending after = ending::value;
        auto compute = [&](const std::stop_token& stop, int x) {
            begun.count_down();
            while (!stop.stop_requested())
                std::this_thread::yield();
            ended = true; // the waiting task's variable: it must still be there
            return x + 1;
        };
        auto subject = [&]() -> task<> {
            result = co_await offload(std::ref(compute), 6);
            after = co_await tests::ends(tests::turns(1));
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(subject));
            co_await tests::turns(2);
            begun.wait();
            group.cancel();
        });
        CHECK(ended);
        CHECK(result == 7);
        CHECK(after == ending::cancelled);

        std::atomic<bool> running{false};
        auto until_told = [&running](const std::stop_token& stop) {
            running = true;
            while (!stop.stop_requested())
                std::this_thread::yield();
            return 3;
        };
        auto until_running = [&running]() -> task<> {
            while (!running)
                co_await yield();
        };
        auto race = co_await when_any(offload(until_told), until_running());
        CHECK(race.index() == 1);
        CHECK(race.get<0>().value() == 3);

        // The same through a timeout: the value that arrived is not dropped. On a busy machine the time may
        // be up before a worker has begun, and the call is taken back; then the limit was too short to show
        // anything.
        int n = 0;
        for (auto limit = 2ms; n == 0; limit *= 2) {
            running = false;
            try {
                n = co_await with_timeout(limit, offload(std::ref(until_told)));
            } catch (const timeout_error&) {
                REQUIRE_FALSE(running);
            }
        }
        CHECK(n == 3);
    });
}

TEST_CASE("offload: a cancelled task does not begin a call") {
    run_on_loop([]() -> task<> {
        bool ran = false;
        ending how = ending::value;
        auto compute = [&] { ran = true; };
        auto subject = [&]() -> task<> {
            static_cast<void>(co_await tests::ends(tests::turns(1000)));
            how = co_await tests::ends(as_task(offload(compute)));
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(subject));
            co_await yield();
            group.cancel();
        });
        CHECK(how == ending::cancelled);
        CHECK_FALSE(ran);
    });
}

TEST_CASE("offload: calls that are queued when the pool stops fail, the one that runs ends") {
    thread_pool one(1);
    gate blocked;
    run_on_loop([&]() -> task<> {
        std::atomic<int> ran{0};
        auto block = [&] {
            blocked.pass();
            ++ran;
        };
        auto count = [&] { ++ran; };
        std::size_t dropped = 0;
        auto first = [&]() -> task<> { co_await offload(one, block); };
        auto queued = [&]() -> task<> {
            const ending how = co_await tests::ends(as_task(offload(one, count)));
            if (how == ending::error) ++dropped;
        };
        std::thread stopper;
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(first));
            co_await tests::turns(2);
            blocked.wait_until_begun();
            for (int i = 0; i < 10; ++i)
                group.spawn(std::ref(queued));
            co_await tests::turns(2);
            stopper = std::thread([&] { one.stop(); });
            // The stop has begun when a submit is refused.
            for (;;) {
                bool refused = false;
                try {
                    one.post([] {});
                } catch (const std::runtime_error&) {
                    refused = true;
                }
                if (refused) break;
                co_await yield();
            }
            blocked.open();
        });
        stopper.join();
        CHECK(dropped == 10);
        CHECK(ran == 1);
    });
}

TEST_CASE("offload: a worker that waits for its own pool in block_on can take the call back") {
    thread_pool one(1);
    bool ran = false;
    auto call = [&]() -> task<> { co_await offload([&ran] { ran = true; }); };
    auto how = one.submit([&] { return block_on(tests::ends(with_timeout(1ms, call()))); });
    CHECK(how.get() == ending::timeout);
    CHECK_FALSE(ran);
}

TEST_CASE("offload: cancelled at every moment, every call has ended or never begun") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::atomic<int> running{0};
        auto compute = [&](unsigned x) {
            ++running;
            for (unsigned i = 0; i < 1000; ++i)
                x = x * 31 + i;
            --running;
            return x;
        };
        auto scenario = [&]() -> task<> {
            static_cast<void>(co_await offload(std::ref(compute), 1u));
            static_cast<void>(
                co_await when_all(offload(std::ref(compute), 1u), offload(std::ref(compute), 2u)));
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(running == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 0);
}

TEST_CASE("offload: many from two loops, with cancellations in between") {
    const std::size_t rounds = tests::repeat(300, 60);
    runtime rt(tests::loops(2));
    std::atomic<std::size_t> sum{0};
    std::atomic<std::size_t> begun{0};
    auto compute = [&](std::size_t x) {
        ++begun;
        return x;
    };
    auto child = [&](std::size_t x) -> task<> { sum += co_await offload(std::ref(compute), x); };
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i)
            co_await with_task_group([&](task_group& group) -> task<> {
                for (std::size_t n = 0; n < 32; ++n)
                    group.spawn_on(rt.loop(n % 2), std::ref(child), std::size_t{1});
                if (i % 3 == 0) {
                    co_await tests::turns(i % 8);
                    group.cancel();
                }
            });
    });
    CHECK(sum == begun); // each call that began handed its result over
    CHECK(sum >= rounds * 32 * 2 / 3);
}

TEST_CASE("offload: with abandon, a cancellation does not wait for a call that runs") {
    thread_pool one(1);
    std::latch release(1);
    std::atomic<bool> begun{false};
    std::atomic<bool> told{false};
    auto token = std::make_shared<int>(5);
    run_on_loop([&]() -> task<> {
        auto compute = [&](const std::stop_token& stop, const std::shared_ptr<int>& owned) {
            begun = true;
            release.wait(); // until the task has gone on
            told = stop.stop_requested();
            return *owned;
        };
        auto until_begun = [&]() -> task<> {
            while (!begun)
                co_await yield();
        };
        auto race = co_await when_any(offload(abandon, one, std::ref(compute), token), until_begun());
        CHECK(race.index() == 1);
        CHECK(race.get<0>().cancelled());
        CHECK(token.use_count() == 2); // it runs on
        release.count_down();
        one.drain();
    });
    CHECK(told);
    CHECK(token.use_count() == 1);
}

TEST_CASE("offload: with abandon, results, exceptions, a queued call, a stopped pool, no cancellation") {
    thread_pool one(1);
    std::atomic<int> ran{0};
    run_on_loop([&]() -> task<> {
        auto add = [](int a, int b) { return a + b; };
        const int sum = co_await offload(abandon, add, 2, 3);
        CHECK(sum == 5);
        auto fails = []() -> int { throw std::runtime_error("computed badly"); };
        const std::string what = co_await tests::message_of(as_task(offload(abandon, one, fails)));
        CHECK(what == "computed badly");
        gate blocked;
        one.post([&blocked] { blocked.pass(); });
        blocked.wait_until_begun();
        auto count = [&ran] { ++ran; };
        auto race = co_await when_any(offload(abandon, one, count), tests::turns(3));
        CHECK(race.get<0>().cancelled());
        blocked.open();
        one.drain();
        one.stop();
        const ending stopped = co_await tests::ends(as_task(offload(abandon, one, count)));
        CHECK(stopped == ending::error);
        ending late = ending::value;
        auto subject = [&]() -> task<> {
            static_cast<void>(co_await tests::ends(tests::turns(1000)));
            late = co_await tests::ends(as_task(offload(abandon, count)));
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(subject));
            co_await yield();
            group.cancel();
        });
        CHECK(late == ending::cancelled);
    });
    CHECK(ran == 0);
}

TEST_CASE("offload: with abandon, cancelled at every moment") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto compute = [](unsigned x) {
            for (unsigned i = 0; i < 1000; ++i)
                x = x * 31 + i;
            return x;
        };
        auto scenario = [&]() -> task<> {
            static_cast<void>(co_await offload(abandon, compute, 1u));
            static_cast<void>(
                co_await when_all(offload(abandon, compute, 1u), offload(abandon, compute, 2u)));
        };
        auto check = [&](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 0);
}
