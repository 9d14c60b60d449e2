#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/system/errc.hpp>
#include <thread>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<int> number_after(std::chrono::milliseconds time, int value) {
    co_await sleep_for(time);
    co_return value;
}

task<> forever() {
    event never;
    co_await never.wait();
}

} // namespace

TEST_CASE("with_timeout: in time, the result is passed on") {
    run_on_loop([]() -> task<> {
        const int n = co_await with_timeout(1h, number_after(1ms, 5));
        CHECK(n == 5);
        auto boxed = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(6); };
        const auto b = co_await with_timeout(1h, boxed());
        CHECK(*b == 6);
        int place = 1;
        auto refer = [&]() -> task<int&> { co_return place; };
        int& r = co_await with_timeout(1h, refer());
        CHECK(&r == &place);
        co_await with_timeout(std::chrono::nanoseconds::max(), yield());
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("own");
        };
        const std::string what = co_await tests::message_of(with_timeout(1h, fails()));
        CHECK(what == "own");
    });
}

TEST_CASE("with_timeout: late, the child is cancelled and waited for") {
    run_on_loop([]() -> task<> {
        bool cleaned = false;
        auto child = [&]() -> task<> {
            const ending how = co_await tests::ends(forever());
            cleaned = how == ending::cancelled;
            throw operation_cancelled();
        };
        const auto before = std::chrono::steady_clock::now();
        std::string what;
        error_code code;
        try {
            co_await with_timeout(20ms, child());
        } catch (const timeout_error& e) {
            what = e.what();
            code = e.code();
        }
        CHECK(std::chrono::steady_clock::now() - before >= 20ms); // never early
        CHECK(cleaned);
        CHECK(what.find("0.02 s") != std::string::npos);
        CHECK(code == boost::system::errc::timed_out);
        // This task itself was not cancelled.
        const ending after = co_await tests::ends(tests::turns(1));
        CHECK(after == ending::value);
    });
}

TEST_CASE("with_timeout: nothing left, or less") {
    run_on_loop([]() -> task<> {
        const ending zero = co_await tests::ends(with_timeout(0s, forever()));
        const ending less = co_await tests::ends(with_timeout(-1h, forever()));
        const ending least = co_await tests::ends(with_timeout(std::chrono::nanoseconds::min(), forever()));
        CHECK(zero == ending::timeout);
        CHECK(less == ending::timeout);
        CHECK(least == ending::timeout);
        auto at_once = []() -> task<int> { co_return 3; };
        const int n = co_await with_timeout(0s, at_once());
        CHECK(n == 3);
    });
}

TEST_CASE("with_timeout: nested, the tighter one wins, whichever it is") {
    run_on_loop([]() -> task<> {
        ending inner = ending::value;
        auto tight_outside = [&]() -> task<> {
            inner = co_await tests::ends(with_timeout(1h, forever()));
            throw operation_cancelled();
        };
        const ending outer = co_await tests::ends(with_timeout(2ms, tight_outside()));
        CHECK(inner == ending::cancelled); // not its own limit
        CHECK(outer == ending::timeout);

        auto tight_inside = [&]() -> task<> { inner = co_await tests::ends(with_timeout(2ms, forever())); };
        const ending outer2 = co_await tests::ends(with_timeout(1h, tight_inside()));
        CHECK(inner == ending::timeout);
        CHECK(outer2 == ending::value);

        // The same point in time, for all that the wheel can tell.
        auto equal = [&]() -> task<> { co_await with_timeout(2ms, forever()); };
        const ending outer3 = co_await tests::ends(with_timeout(2ms, equal()));
        CHECK(outer3 == ending::timeout);
    });
}

TEST_CASE("with_timeout: the deadline is inherited by children, groups included") {
    run_on_loop([]() -> task<> {
        auto deadline_now = []() -> task<task_context::clock::time_point> {
            co_return task_context::current()->deadline();
        };
        const auto outside = co_await deadline_now();
        CHECK(outside == task_context::clock::time_point::max());
        auto look = [&]() -> task<> {
            const auto here = co_await deadline_now();
            CHECK(here < task_context::clock::time_point::max());
            const auto deeper = co_await with_timeout(2h, deadline_now()); // does not widen it
            CHECK(deeper == here);
            const auto tighter = co_await with_timeout(1min, deadline_now());
            CHECK(tighter < here);
            task_context::clock::time_point in_group{};
            auto child = [&]() -> task<> {
                in_group = task_context::current()->deadline();
                co_return;
            };
            co_await with_task_group([&](task_group& group) -> task<> {
                group.spawn(std::ref(child));
                co_return;
            });
            CHECK(in_group == here);
        };
        co_await with_timeout(1h, look());
    });
}

TEST_CASE("with_timeout: a group inside is cancelled with it") {
    run_on_loop([]() -> task<> {
        std::size_t cancelled = 0;
        auto child = [&]() -> task<> {
            const ending how = co_await tests::ends(forever());
            if (how == ending::cancelled) ++cancelled;
        };
        auto body = [&](task_group& group) -> task<> {
            for (int i = 0; i < 5; ++i)
                group.spawn(std::ref(child));
            co_await forever();
        };
        const ending how = co_await tests::ends(with_timeout(2ms, with_task_group(body)));
        CHECK(how == ending::timeout);
        CHECK(cancelled == 5);
    });
}

TEST_CASE("with_timeout: a value that arrives at the deadline is not lost") {
    run_on_loop([]() -> task<> {
        // The child completes although it was told.
        auto stubborn = []() -> task<int> {
            static_cast<void>(co_await tests::ends(forever()));
            co_return 8;
        };
        const int n = co_await with_timeout(1ms, stubborn());
        CHECK(n == 8);

        // Items that come about when the time is up: each is received once or still there.
        channel<int> c(1);
        int sent = 0;
        int received = 0;
        int timeouts = 0;
        auto producer = [&]() -> task<> {
            for (int i = 0; i < 200; ++i) {
                co_await sleep_for(1ms);
                const bool taken = co_await c.send(i);
                if (taken) ++sent;
            }
            c.close();
        };
        auto consumer = [&]() -> task<> {
            for (;;) {
                bool late = false;
                std::optional<int> item;
                try {
                    item = co_await with_timeout(1ms, c.receive());
                } catch (const timeout_error&) {
                    late = true;
                }
                if (late) {
                    ++timeouts;
                    continue;
                }
                if (!item) break;
                CHECK(*item == received);
                ++received;
            }
        };
        co_await when_all(producer(), consumer());
        CHECK(sent == 200);
        CHECK(received == 200);
    });
}

TEST_CASE("with_timeout: cancellation from outside is operation_cancelled, never timeout_error") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto scenario = []() -> task<> { co_await with_timeout(1h, tests::turns(6)); };
        auto check = [](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 6);
}

TEST_CASE("with_timeout: both at once, timeout and cancellation from outside") {
    run_on_loop([]() -> task<> {
        for (std::size_t i = 0; i < 20; ++i) {
            task_group group;
            ending how = ending::value;
            auto subject = [&]() -> task<> { how = co_await tests::ends(with_timeout(1ms, forever())); };
            group.spawn(std::ref(subject));
            co_await sleep_for(std::chrono::microseconds(800 + 20 * i));
            group.cancel();
            co_await group.join();
            CHECK((how == ending::timeout || how == ending::cancelled));
        }
    });
}

TEST_CASE("with_timeout: a callable with its arguments") {
    run_on_loop([]() -> task<> {
        auto join = [](std::string a, std::unique_ptr<int> b) -> task<std::string> {
            co_await yield();
            co_return a + std::to_string(*b);
        };
        auto two = std::make_unique<int>(2);
        const std::string text = co_await with_timeout(1h, join, std::string("a"), std::move(two));
        CHECK(text == "a2");
        const ending late = co_await tests::ends(with_timeout(1ms, forever));
        CHECK(late == ending::timeout);
        const ending late_too =
            co_await tests::ends(with_deadline(task_context::current()->home().now() + 1ms, forever));
        CHECK(late_too == ending::timeout);
    });
}

TEST_CASE("with_timeout: the error tells the limit and the operation") {
    run_on_loop([]() -> task<> {
        std::string what;
        std::string operation;
        std::chrono::nanoseconds limit{};
        try {
            co_await with_timeout(2ms, forever());
        } catch (const timeout_error& e) {
            what = e.what();
            operation = e.operation();
            limit = e.limit();
        }
        CHECK(limit == 2ms);
        CHECK(what.find("0.002 s") != std::string::npos);
#ifndef TANDEM_NO_TASK_REGISTRY
        CHECK(operation == "event.wait");
        CHECK(what.find("event.wait") != std::string::npos);
#endif
    });
}

TEST_CASE("with_deadline: in time, late, and begun too late") {
    run_on_loop([]() -> task<> {
        scheduler& home = task_context::current()->home();
        const int n = co_await with_deadline(home.now() + 1h, number_after(1ms, 5));
        CHECK(n == 5);
        const int m = co_await with_deadline(scheduler::clock::time_point::max(), number_after(1ms, 6));
        CHECK(m == 6);
        const ending late = co_await tests::ends(with_deadline(home.now() + 2ms, forever()));
        CHECK(late == ending::timeout);

        bool begun = false;
        auto notes = [&]() -> task<> {
            begun = true;
            co_return;
        };
        const ending over = co_await tests::ends(with_deadline(home.now() - 1ms, notes()));
        CHECK(over == ending::timeout);
        const ending min = co_await tests::ends(with_deadline(scheduler::clock::time_point::min(), notes()));
        CHECK(min == ending::timeout);
        CHECK_FALSE(begun);
        const ending after = co_await tests::ends(tests::turns(1));
        CHECK(after == ending::value);
    });
}

TEST_CASE("with_deadline: nested, the tighter one is in force and throws") {
    run_on_loop([]() -> task<> {
        const auto now = task_context::current()->home().now();
        auto deadline_now = []() -> task<scheduler::clock::time_point> { co_return current_deadline(); };
        auto look = [&]() -> task<> {
            const auto wider = co_await with_deadline(now + 2h, deadline_now());
            CHECK(wider == now + 1h);
            const auto tighter = co_await with_deadline(now + 1min, deadline_now());
            CHECK(tighter == now + 1min);
        };
        co_await with_deadline(now + 1h, look());
        CHECK(current_deadline() == scheduler::clock::time_point::max());
        auto inner = []() -> task<> { co_await with_timeout(1h, forever()); };
        const ending how = co_await tests::ends(with_deadline(now + 3ms, inner()));
        CHECK(how == ending::timeout);
    });
    CHECK(current_deadline() == scheduler::clock::time_point::max());
}

TEST_CASE("with_deadline: cancellation from outside") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto scenario = []() -> task<> {
            co_await with_deadline(task_context::current()->home().now() + 1h, tests::turns(6));
        };
        auto check = [](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 6);
}

namespace {

// Ends with a cancellation of its own without having waited, holds the loop until the time is over, and
// leaves it so busy that the timer fires before its waiter's turn comes.
task<> gives_up(task_group& busy) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    for (int i = 0; i < 2000; ++i)
        busy.spawn(tests::turns, 3);
    throw operation_cancelled();
    co_return; // makes it a coroutine
}
task<> gives_up_on_a_busy_loop() {
    task_group group;
    const tests::ending how =
        co_await tests::ends(with_timeout(std::chrono::milliseconds(200), gives_up(group)));
    co_await group.join();
    CHECK(how == tests::ending::cancelled);
}

} // namespace

TEST_CASE("with_timeout: the child's own cancellation is no timeout, however late its waiter runs") {
    tests::run_on_loop(gives_up_on_a_busy_loop());
}

TEST_CASE("with_deadline: begun by a cancelled task, the cancellation is what it tells, however late it is") {
    const auto subject = []() -> task<> {
        task_context::current()->request_cancel();
        co_await with_deadline(std::chrono::steady_clock::now() - 1s, tandem::yield());
    };
    const ending how = run_on_loop(tests::ends(subject()));
    CHECK(how == ending::cancelled);
}
