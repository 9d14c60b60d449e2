#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("shield: hands over values, references, exceptions") {
    run_on_loop([]() -> task<> {
        auto boxed = []() -> task<std::unique_ptr<int>> {
            co_await yield();
            co_return std::make_unique<int>(6);
        };
        const auto b = co_await shield(boxed());
        CHECK(*b == 6);
        int place = 1;
        auto refer = [&]() -> task<int&> { co_return place; };
        int& r = co_await shield(refer());
        CHECK(&r == &place);
        co_await shield(yield());
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("own");
        };
        auto shielded = [&]() -> task<> { co_await shield(fails()); };
        const std::string what = co_await tests::message_of(shielded());
        CHECK(what == "own");
    });
}

TEST_CASE("shield: the caller's cancellation does not reach the work, the next operation reports it") {
    run_on_loop([]() -> task<> {
        int steps = 0;
        auto work = [&]() -> task<int> {
            for (; steps < 10; ++steps)
                co_await yield();
            co_return steps;
        };
        int value = 0;
        ending after = ending::value;
        auto caller = [&]() -> task<> {
            value = co_await shield(work());
            after = co_await tests::ends(tests::turns(1));
        };
        detail::child<void> child(caller());
        auto cancel = [&]() -> task<> {
            co_await tests::turns(3);
            CHECK(steps < 10);
            child.request_cancel();
        };
        detail::child<void> canceller(cancel());
        detail::join both(detail::join_policy::wait, "test");
        both.add(child);
        both.add(canceller);
        co_await both;
        CHECK(value == 10);
        CHECK(after == ending::cancelled);
    });
}

TEST_CASE("shield: wherever the caller is cancelled, the work runs to its end, once") {
    int begun = 0;
    int ended = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        auto scenario = [&]() -> task<> {
            auto work = [&]() -> task<> {
                ++begun;
                co_await tests::turns(4);
                ++ended;
            };
            co_await shield(work());
            co_await yield();
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(begun == ended);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 8);
    CHECK(begun > 0);
}

TEST_CASE("shield: begun in a cancelled task it runs all the same") {
    run_on_loop([]() -> task<> {
        bool done = false;
        auto work = [&]() -> task<> {
            co_await tests::turns(3);
            done = true;
        };
        auto caller = [&]() -> task<> {
            event never;
            const ending how = co_await tests::ends([](event& e) -> task<> { co_await e.wait(); }(never));
            CHECK(how == ending::cancelled);
            co_await shield(work());
            CHECK(done);
        };
        co_await when_any(caller(), yield());
        CHECK(done);
    });
}

TEST_CASE("shield: deadlines do not reach in, but work has its own") {
    run_on_loop([]() -> task<> {
        auto deadline_now = []() -> task<scheduler::clock::time_point> { co_return current_deadline(); };
        auto inside = [&]() -> task<> {
            CHECK(current_deadline() != scheduler::clock::time_point::max());
            const auto shielded = co_await shield(deadline_now());
            CHECK(shielded == scheduler::clock::time_point::max());
            const auto own = co_await shield(with_timeout(1h, deadline_now()));
            CHECK(own < scheduler::clock::time_point::max());
        };
        co_await with_timeout(1min, inside());

        event never;
        auto late = [&]() -> task<> { co_await shield(with_timeout(1ms, never.wait())); };
        const ending how = co_await tests::ends(late());
        CHECK(how == ending::timeout);

        // The work takes longer than the limit around it, and is handed over.
        event go;
        auto slow = [&]() -> task<int> {
            co_await go.wait();
            co_return 4;
        };
        auto outer = [&]() -> task<int> { co_return co_await shield(slow()); };
        auto opener = [&]() -> task<> {
            co_await sleep_for(5ms);
            go.set();
        };
        auto [value, nothing] = co_await when_all(with_timeout(1ms, outer()), opener());
        CHECK(value == 4);
    });
}

TEST_CASE("shield: told of the cancellation, once, also when it came before") {
    run_on_loop([]() -> task<> {
        int told = 0;
        event stop;
        auto tell = [&]() noexcept {
            ++told;
            stop.set();
        };
        auto work = [&]() -> task<> { co_await stop.wait(); };
        auto caller = [&]() -> task<> {
            co_await shield(work(), tell);
            CHECK(told == 1);
            stop.reset();
            co_await shield(work(), tell); // this one begins in a cancelled task
            CHECK(told == 2);
        };
        co_await when_any(caller(), tests::turns(2));
        CHECK(told == 2);
        co_await shield(tests::turns(2), tell);
        CHECK(told == 2); // nobody was cancelled
    });
}

TEST_CASE("shield: a runtime that is destroyed takes the work along") {
    auto kept = std::make_shared<int>(1);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        rt.spawn([](std::shared_ptr<int> p) -> task<> {
            event never;
            auto work = [](event& e, std::shared_ptr<int>) -> task<> { co_await e.wait(); };
            co_await shield(work(never, std::move(p)));
        }(kept));
        rt.run(tests::turns(5));
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}
