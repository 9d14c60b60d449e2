#include <tandem/asio.hpp>
#include <tandem/concurrency/shared_task.hpp>
#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// Counts begins and ends; waits some turns between.
class counted {
public:
    counted() noexcept {}
    std::atomic<int> begun{0};
    std::atomic<int> completed{0};
    std::atomic<int> cancelled{0};

    task<int> work(std::size_t turns, int value) {
        ++begun;
        try {
            co_await tests::turns(turns);
        } catch (const operation_cancelled&) {
            ++cancelled;
            throw;
        }
        ++completed;
        co_return value;
    }
};

enum class shared_ending { value, cancelled, abandoned, error };

// Awaits a handle and says how that ended.
template <class T>
task<shared_ending> ends_shared(shared_task<T> s) {
    try {
        static_cast<void>(co_await s);
    } catch (const shared_task_abandoned&) {
        co_return shared_ending::abandoned;
    } catch (const operation_cancelled&) {
        co_return shared_ending::cancelled;
    } catch (...) {
        co_return shared_ending::error;
    }
    co_return shared_ending::value;
}

} // namespace

TEST_CASE("shared_task: one run, many awaiters, the same object") {
    run_on_loop([]() -> task<> {
        counted c;
        shared_task s(c.work(3, 5));
        CHECK(c.begun == 0);
        CHECK_FALSE(s.ready());
        auto address = [](shared_task<int> handle) -> task<const int*> {
            const int& n = co_await handle;
            CHECK(n == 5);
            co_return &n;
        };
        auto [a, b, d] = co_await when_all(address(s), address(s), address(s));
        CHECK(a == b);
        CHECK(b == d);
        CHECK(c.begun == 1);
        CHECK(s.ready());
        const int& later = co_await s;
        CHECK(&later == a);
        const int copy = co_await with_timeout(1h, s);
        CHECK(copy == 5);
        CHECK(c.begun == 1);
    });
}

TEST_CASE("shared_task: move-only values, references, void, exceptions") {
    run_on_loop([]() -> task<> {
        auto boxed = []() -> task<std::unique_ptr<int>> {
            co_await yield();
            co_return std::make_unique<int>(6);
        };
        shared_task box(boxed());
        const std::unique_ptr<int>& b = co_await box;
        CHECK(*b == 6);
        int place = 1;
        auto refer = [&]() -> task<int&> { co_return place; };
        shared_task ref(refer());
        int& r = co_await ref;
        CHECK(&r == &place);
        shared_task<> nothing(tests::turns(2));
        co_await nothing;
        co_await nothing;
        co_await with_timeout(1h, nothing);

        auto fails = []() -> task<int> {
            co_await yield();
            throw std::runtime_error("own");
        };
        shared_task bad(fails());
        auto take = [](shared_task<int> s) -> task<> { static_cast<void>(co_await s); };
        auto [one, two] = co_await when_all(tests::message_of(take(bad)), tests::message_of(take(bad)));
        CHECK(one == "own");
        CHECK(two == "own");
        const std::string later = co_await tests::message_of(take(bad));
        CHECK(later == "own");
    });
}

TEST_CASE("shared_task: work that nobody awaits is destroyed unbegun") {
    auto kept = std::make_shared<int>(1);
    {
        auto work = [](std::shared_ptr<int> p) -> task<int> { co_return *p; };
        shared_task s(work(kept));
        const shared_task copy = s;
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}

TEST_CASE("shared_task: the frame of the work goes when it has ended") {
    run_on_loop([]() -> task<> {
        auto kept = std::make_shared<int>(1);
        auto work = [](std::shared_ptr<int> p) -> task<int> { co_return *p; };
        shared_task s(work(kept));
        co_await s;
        CHECK(kept.use_count() == 1);
    });
}

TEST_CASE("shared_task: a cancelled awaiter leaves, the work goes on for the others") {
    run_on_loop([]() -> task<> {
        counted c;
        shared_task s(c.work(20, 5));
        // The first one, which started the work, leaves.
        auto impatient = [&]() -> task<> {
            auto race = co_await when_any(ends_shared(s), tests::turns(3));
            CHECK(race.get<0>().value() == shared_ending::cancelled);
            CHECK(c.completed == 0);
        };
        auto [nothing, how] = co_await when_all(impatient(), ends_shared(s));
        CHECK(how == shared_ending::value);
        CHECK(c.begun == 1);
        CHECK(c.completed == 1);
        CHECK(c.cancelled == 0);
    });
}

TEST_CASE("shared_task: the last awaiter cancels the work and waits for its end") {
    run_on_loop([]() -> task<> {
        counted c;
        shared_task s(c.work(1000, 5));
        auto race = co_await when_any(ends_shared(s), ends_shared(s), tests::turns(3));
        CHECK(race.get<0>().value() == shared_ending::cancelled);
        CHECK(race.get<1>().value() == shared_ending::cancelled);
        CHECK(c.cancelled == 1);
        CHECK(s.ready());
        // Lost for good; told apart from a cancellation of one's own.
        const shared_ending later = co_await ends_shared(s);
        CHECK(later == shared_ending::abandoned);
        CHECK(c.begun == 1);
    });
}

TEST_CASE("shared_task: whoever joins while the work is being cancelled gets what it ends with") {
    run_on_loop([]() -> task<> {
        for (const bool completes : {false, true}) {
            event ending_now;
            auto work = [&]() -> task<int> {
                static_cast<void>(co_await tests::ends(tests::turns(1000)));
                ending_now.set();
                co_await shield(tests::turns(5));
                if (!completes) throw operation_cancelled();
                co_return 5;
            };
            shared_task s(work());
            auto last = [&]() -> task<shared_ending> {
                auto race = co_await when_any(ends_shared(s), tests::turns(3));
                co_return race.get<0>().value();
            };
            auto joins = [&]() -> task<shared_ending> {
                co_await ending_now.wait();
                co_return co_await ends_shared(s);
            };
            auto [first, second] = co_await when_all(last(), joins());
            CHECK(first == (completes ? shared_ending::value : shared_ending::cancelled));
            CHECK(second == (completes ? shared_ending::value : shared_ending::abandoned));
        }
    });
}

TEST_CASE("shared_task: no deadline of an awaiter reaches the work") {
    run_on_loop([]() -> task<> {
        auto deadline_now = []() -> task<scheduler::clock::time_point> {
            co_await yield();
            co_return current_deadline();
        };
        shared_task s(deadline_now());
        const auto deadline = co_await with_timeout(1h, s);
        CHECK(deadline == scheduler::clock::time_point::max());
    });
}

TEST_CASE("shared_task: cancelled everywhere, alone and in company") {
    int begun = 0;
    int ended = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        auto work = [&]() -> task<int> {
            ++begun;
            static_cast<void>(co_await tests::ends(tests::turns(4)));
            ++ended;
            if (task_context::current()->cancelled()) throw operation_cancelled();
            co_return 1;
        };
        auto alone = [&]() -> task<> {
            shared_task s(work());
            static_cast<void>(co_await s);
            static_cast<void>(co_await s);
        };
        auto together = [&]() -> task<> {
            shared_task s(work());
            static_cast<void>(co_await when_all(ends_shared(s), ends_shared(s), ends_shared(s)));
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(begun == ended); // no work outlives its awaiters
        };
        const std::size_t a = co_await tests::cancel_everywhere(alone, check);
        const std::size_t b = co_await tests::cancel_everywhere(together, check);
        co_return a + b;
    });
    CHECK(cancelled >= 8);
}

TEST_CASE("shared_task: awaited on two loops, each goes on at home") {
    const std::size_t rounds = tests::repeat(2'000, 300);
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            counted c;
            shared_task s(c.work(i % 3, 5));
            auto waits = [&]() -> task<> {
                scheduler* const home = &task_context::current()->home();
                const int& n = co_await s;
                if (n != 5) throw std::runtime_error("wrong value");
                if (home != &task_context::current()->home() || !home->is_current())
                    throw std::runtime_error("not at home");
            };
            co_await with_task_group([&](task_group& group) -> task<> {
                for (std::size_t k = 0; k < 4; ++k)
                    group.spawn_on(rt.loop(k % 2), std::ref(waits));
                co_return;
            });
            if (c.begun != 1 || c.completed != 1) throw std::runtime_error("not once");
        }
    });
}

TEST_CASE("shared_task: handles let go, and awaiters cancelled, on two loops at once") {
    const std::size_t rounds = tests::repeat(3'000, 400);
    runtime rt(tests::loops(2));
    std::size_t values = 0;
    std::size_t cancelled = 0;
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            counted c;
            std::atomic<std::size_t> got{0};
            std::atomic<std::size_t> left{0};
            auto waits = [&](shared_task<int> handle, std::size_t patience) -> task<> {
                auto race = co_await when_any(ends_shared(std::move(handle)), tests::turns(patience));
                const shared_ending how = race.template get<0>().value();
                if (how == shared_ending::value) ++got;
                if (how == shared_ending::cancelled || how == shared_ending::abandoned) ++left;
            };
            co_await with_task_group([&](task_group& group) -> task<> {
                shared_task s(c.work(4, 5));
                for (std::size_t k = 0; k < 4; ++k)
                    group.spawn_on(rt.loop(k % 2), std::ref(waits), s, (i + 3 * k) % 12);
                co_return;
            });
            // Whoever ran: it has ended by now, and everybody was told.
            if (got + left != 4) throw std::runtime_error("somebody was not told");
            if (c.begun != c.completed + c.cancelled) throw std::runtime_error("the work has not ended");
            if (got > 0 && c.completed != 1) throw std::runtime_error("a value from nowhere");
            values += got;
            cancelled += left;
        }
    });
    CHECK(values > 0);
    CHECK(cancelled > 0);
}

// Its scheduler goes with its task, and the work is on it.
TEST_CASE("shared_task: a first awaiter without a runtime's loop leaves when the work has ended") {
    boost::asio::io_context io;
    counted work;
    event second_waits;
    event go_on;
    auto body = [&]() -> task<int> {
        co_await go_on.wait();
        co_return co_await work.work(10, 7);
    };
    shared_task<int> shared(body());
    int handed_over = 0;
    auto first = [&]() -> task<> {
        auto wait = [&]() -> task<> { handed_over = co_await shared; };
        task_group group;
        group.spawn(std::ref(wait));
        co_await second_waits.wait();
        group.cancel();
        go_on.set();
        co_await group.join();
    };
    auto second = [&]() -> task<int> {
        auto wait = [&]() -> task<int> { co_return co_await shared; };
        auto tell = [&]() -> task<> {
            second_waits.set();
            co_return;
        };
        const auto got = co_await when_all(wait(), tell());
        co_return std::get<0>(got);
    };
    auto first_ends = spawn(io.get_executor(), first(), boost::asio::use_future);
    auto second_ends = spawn(io.get_executor(), second(), boost::asio::use_future);
    io.run();
    first_ends.get();
    CHECK(second_ends.get() == 7);
    CHECK(handed_over == 7);
    CHECK(work.completed == 1);
}

TEST_CASE("shared_task: a runtime that is destroyed takes the work along, whoever has a handle") {
    auto kept = std::make_shared<int>(1);
    auto work = [](std::shared_ptr<int>) -> task<int> {
        event never;
        co_await shield(never.wait()); // no cancellation ends it
        co_return 1;
    };
    shared_task s(work(kept));
    {
        runtime rt(tests::loops(2).drain_timeout(0ms));
        auto waits = [](shared_task<int> handle) -> task<> {
            static_cast<void>(co_await ends_shared(std::move(handle)));
        };
        rt.spawn(waits(s), 0);
        rt.spawn(waits(s), 1);
        rt.run(tests::turns(20));
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
    CHECK(s.ready());
}
