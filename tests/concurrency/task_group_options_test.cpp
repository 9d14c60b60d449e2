#include <tandem/concurrency/aggregate_error.hpp>
#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<> fail_after(std::size_t n, const char* what) {
    co_await tests::turns(n);
    throw std::runtime_error(what);
}

task<> forever() {
    event never;
    co_await never.wait();
}

// Counts those that run, and the most at a time. From any thread.
class gauge {
public:
    task<> run(std::size_t turns) {
        const std::size_t now = ++now_;
        std::size_t most = most_;
        while (most < now && !most_.compare_exchange_weak(most, now)) {
        }
        static_cast<void>(co_await tests::ends(tests::turns(turns)));
        --now_;
        ++done_;
    }
    std::size_t now() const { return now_; }
    std::size_t most() const { return most_; }
    std::size_t done() const { return done_; }

private:
    std::atomic<std::size_t> now_{0};
    std::atomic<std::size_t> most_{0};
    std::atomic<std::size_t> done_{0};
};

task_group_options collecting() {
    return task_group_options().on_failure(failure_policy::collect_all);
}

} // namespace

TEST_CASE("task_group, collect_all: siblings and body run on, all failures are thrown together") {
    run_on_loop([]() -> task<> {
        std::size_t completed = 0;
        bool cancelled = true;
        std::vector<std::string> what;
        std::string message;
        auto good = [&]() -> task<> {
            co_await tests::turns(10);
            ++completed;
        };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(fail_after, std::size_t{1}, "one");
            group.spawn(std::ref(good));
            group.spawn(fail_after, std::size_t{3}, "two");
            co_await tests::turns(8);
            cancelled = group.cancelled();
            ++completed;
            throw std::runtime_error("three");
        };
        try {
            co_await with_task_group(collecting(), std::ref(body));
        } catch (const aggregate_error& e) {
            message = e.what();
            for (const std::exception_ptr& error : e.errors())
                what.push_back(describe(error));
        }
        CHECK(completed == 2);
        CHECK_FALSE(cancelled);
        REQUIRE(what.size() == 3);
        CHECK(what[0].find("one") != std::string::npos);
        CHECK(what[1].find("two") != std::string::npos);
        CHECK(what[2].find("three") != std::string::npos);
        CHECK(message.find("3 tasks of a group failed") == 0);
    });
}

TEST_CASE("task_group, collect_all: one failure is rethrown as it is, none not at all, join alike") {
    run_on_loop([]() -> task<> {
        auto one = [](task_group& group) -> task<int> {
            group.spawn(fail_after, std::size_t{1}, "alone");
            co_return 5;
        };
        const std::string alone = co_await tests::message_of(with_task_group(collecting(), one));
        CHECK(alone == "alone");
        auto none = [](task_group& group) -> task<int> {
            group.spawn(tests::turns(3));
            co_return 5;
        };
        const int five = co_await with_task_group(collecting(), none);
        CHECK(five == 5);

        task_group group(collecting());
        group.spawn(fail_after, std::size_t{1}, "first");
        group.spawn(fail_after, std::size_t{2}, "second");
        const std::string both = co_await tests::message_of(group.join());
        CHECK(both.find("first") < both.find("second"));
        CHECK(both.find("second") != std::string::npos);
        CHECK(group.errors().size() == 2);
        CHECK_FALSE(group.cancelled());
    });
}

TEST_CASE("task_group, limit: spawn holds children back and begins them in order") {
    for (const std::size_t limit : std::vector<std::size_t>{0, 1, 3, 100}) {
        gauge running;
        std::vector<int> begun;
        run_on_loop([&]() -> task<> {
            auto body = [&](task_group& group) -> task<> {
                for (int i = 0; i < 50; ++i) {
                    auto child = [&](int me) -> task<> {
                        begun.push_back(me);
                        return running.run(static_cast<std::size_t>(me % 4 + 1));
                    };
                    group.spawn(child, i);
                }
                CHECK(group.size() == 51);
                co_return;
            };
            co_await with_task_group(task_group_options().limit(limit), std::ref(body));
        });
        CHECK(running.done() == 50);
        CHECK(running.most() == std::min<std::size_t>(std::max<std::size_t>(limit, 1), 50));
        CHECK(std::is_sorted(begun.begin(), begun.end()));
    }
}

TEST_CASE("task_group, limit: spawn_when_free waits its turn, try_spawn does not, and leaves its arguments") {
    run_on_loop([]() -> task<> {
        gauge running;
        std::vector<int> spawned;
        event go;
        auto body = [&](task_group& group) -> task<> {
            auto waits = [&]() -> task<> { co_await go.wait(); };
            auto run_one = [&](std::unique_ptr<int>) -> task<> { return running.run(3); };
            const bool first = co_await group.spawn_when_free(std::ref(waits));
            CHECK(first);
            auto argument = std::make_unique<int>(1);
            CHECK(group.try_spawn(run_one, std::move(argument)));
            CHECK(argument == nullptr);
            argument = std::make_unique<int>(2);
            CHECK_FALSE(group.try_spawn(run_one, std::move(argument)));
            CHECK(argument != nullptr);
            CHECK_FALSE(group.try_spawn(named("second"), std::ref(waits)));

            task_group spawners;
            for (int i = 0; i < 5; ++i) {
                auto spawner = [&](int me) -> task<> {
                    const bool accepted = co_await group.spawn_when_free(
                        named("late"), [&](std::size_t n) { return running.run(n); }, std::size_t{2});
                    CHECK(accepted);
                    spawned.push_back(me);
                };
                spawners.spawn(spawner, i);
            }
            co_await yield();
            CHECK(spawned.empty());
            go.set();
            co_await spawners.join();
        };
        co_await with_task_group(task_group_options().limit(2), std::ref(body));
        CHECK(spawned == std::vector<int>{0, 1, 2, 3, 4});
        CHECK(running.done() == 6);
        CHECK(running.most() == 2);
    });
}

TEST_CASE("task_group, limit: cancel destroys what was held back and refuses those that wait") {
    run_on_loop([]() -> task<> {
        bool ran = false;
        bool refused = false;
        ending of_result = ending::value;
        auto token = std::make_shared<int>(1);
        const std::weak_ptr<int> watch = token;
        task_group group(task_group_options().limit(1));
        group.spawn(forever);
        auto late = [&ran](std::shared_ptr<int>) -> task<> {
            ran = true;
            co_return;
        };
        group.spawn(late, std::move(token));
        auto value = []() -> task<int> { co_return 1; };
        auto held_result = group.spawn_result(value);
        task_group spawners;
        auto spawner = [&]() -> task<> {
            const bool accepted = co_await group.spawn_when_free(forever);
            refused = !accepted;
        };
        auto reader = [&]() -> task<> {
            auto read = [&]() -> task<> { static_cast<void>(co_await held_result.result()); };
            of_result = co_await tests::ends(read());
        };
        spawners.spawn(std::ref(spawner));
        spawners.spawn(std::ref(reader));
        co_await tests::turns(2);
        CHECK(group.size() == 3);
        CHECK_FALSE(watch.expired());
        group.cancel();
        CHECK(watch.expired());
        CHECK(group.size() == 1);
        co_await group.join();
        co_await spawners.join();
        CHECK_FALSE(ran);
        CHECK(refused);
        CHECK(of_result == ending::cancelled);
        CHECK_FALSE(group.try_spawn(forever));
        const bool after = co_await group.spawn_when_free(forever);
        CHECK_FALSE(after);
    });
}

TEST_CASE("task_group, limit: a caller's cancellation that keeps held-back children from running is told") {
    run_on_loop([]() -> task<> {
        bool went_on = false;
        auto subject = [&]() -> task<> {
            auto stubborn = [](task_group& group) -> task<> {
                auto child = []() -> task<> { static_cast<void>(co_await tests::ends(forever())); };
                group.spawn(child);
                group.spawn(child); // held back
                co_return;
            };
            co_await with_task_group(task_group_options().limit(1), stubborn);
            went_on = true;
        };
        task_group outer;
        outer.spawn(std::ref(subject));
        co_await tests::turns(5);
        outer.cancel();
        co_await outer.join();
        CHECK_FALSE(went_on);
    });
}

TEST_CASE("task_group, limit: a wait for a place that is cut short takes none") {
    run_on_loop([]() -> task<> {
        task_group group(task_group_options().limit(1));
        event go;
        auto waits = [&]() -> task<> { co_await go.wait(); };
        group.spawn(std::ref(waits));
        const ending how = co_await tests::ends(with_timeout(1ms, group.spawn_when_free(forever)));
        CHECK(how == ending::timeout);
        go.set();
        co_await group.join();
        CHECK(group.try_spawn(tests::turns, std::size_t{1}));
        co_await group.join();
    });
}

TEST_CASE("task_group, limit: cancelled at every suspension, no place is lost") {
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        gauge running;
        auto body = [&](task_group& group) -> task<> {
            auto run_one = [&](std::size_t n) { return running.run(n); };
            for (std::size_t i = 0; i < 6; ++i)
                static_cast<void>(co_await group.spawn_when_free(run_one, i % 3 + 1));
            group.spawn(run_one, std::size_t{1});
            group.spawn(run_one, std::size_t{1});
            group.spawn(run_one, std::size_t{1});
        };
        auto scenario = [&]() -> task<> {
            return with_task_group(task_group_options().limit(2), std::ref(body));
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(running.now() == 0);
            CHECK(running.most() <= 2);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 10);

    const std::size_t spawners_cancelled = run_on_loop([&]() -> task<std::size_t> {
        task_group group(task_group_options().limit(1));
        auto scenario = [&]() -> task<> {
            static_cast<void>(co_await group.spawn_when_free(tests::turns, std::size_t{2}));
            static_cast<void>(co_await group.spawn_when_free(tests::turns, std::size_t{1}));
            static_cast<void>(co_await group.spawn_when_free(tests::turns, std::size_t{0}));
        };
        auto check = [&](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        const std::size_t n = co_await tests::cancel_everywhere(scenario, check);
        co_await group.join();
        CHECK(group.try_spawn(tests::turns, std::size_t{1})); // the place is free
        co_await group.join();
        co_return n;
    });
    CHECK(spawners_cancelled >= 4);
}

TEST_CASE("task_group, limit: a storm of spawners on two loops with cancellations") {
    const std::size_t rounds = tests::repeat(60, 20);
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        for (std::size_t round = 0; round < rounds; ++round) {
            gauge running;
            std::atomic<std::size_t> accepted{0};
            auto body = [&](task_group& group) -> task<> {
                task_group spawners;
                auto spawner = [&](std::size_t me) -> task<> {
                    for (std::size_t i = 0; i < 20; ++i) {
                        auto child = [&](std::size_t n) { return running.run(n); };
                        bool done = false;
                        if (me % 3 == 0)
                            done = co_await group.spawn_when_free(child, i % 3);
                        else if (me % 3 == 1)
                            done = group.spawn_on(rt.loop(i % 2), child, i % 3);
                        else
                            done = group.try_spawn(child, i % 3);
                        if (done) ++accepted;
                        co_await yield();
                    }
                };
                for (std::size_t s = 0; s < 8; ++s)
                    spawners.spawn_on(rt.loop(s % 2), std::ref(spawner), s);
                if (round % 3 == 2) {
                    co_await tests::turns(round);
                    group.cancel();
                }
                while (spawners.size() != 0)
                    static_cast<void>(co_await tests::ends(tests::turns(1)));
                static_cast<void>(co_await tests::ends(spawners.join()));
            };
            co_await with_task_group(task_group_options().limit(3), std::ref(body));
            CHECK(running.most() <= 3);
            CHECK(running.now() == 0);
            if (round % 3 == 2)
                CHECK(running.done() <= accepted);
            else
                CHECK(running.done() == accepted);
        }
    });
}

namespace {

// Never ends. With `slow` set a round of many of them takes longer than there is time to drain.
task<> never_ends(const bool& slow) {
    for (;;) {
        try {
            co_await yield();
        } catch (const operation_cancelled&) {
        }
        if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}
task<> does_nothing() {
    co_return;
}
task<> asks_for_a_place(task_group*& group) {
    while (!group)
        co_await yield();
    static_cast<void>(co_await group->spawn_when_free(does_nothing));
}
task<> holds_a_place(event& release, bool& released) {
    co_await shield(release.wait());
    released = true;
}
task<> owns_a_limited_group(task_group*& group, event& release, bool& released) {
    task_group mine(task_group_options().limit(1));
    mine.spawn(holds_a_place, std::ref(release), std::ref(released));
    group = &mine;
    co_await sleep_for(std::chrono::hours(1));
}
task<> frees_a_place_and_ends(event& release, const bool& released, bool& slow) {
    co_await tests::turns(5);
    release.set();
    while (!released)
        co_await yield();
    slow = true;
}

} // namespace

TEST_CASE(
    "task_group, limit: a place granted while the runtime ends is not given back to a group that is gone") {
    event release;
    task_group* group = nullptr;
    bool released = false;
    bool slow = false;
    {
        runtime rt(tests::small().drain_timeout(std::chrono::milliseconds(50)));
        rt.spawn(asks_for_a_place(group)); // older than the group's owner, so it is destroyed after it
        rt.spawn(owns_a_limited_group(group, release, released));
        for (int i = 0; i < 2000; ++i)
            rt.spawn(never_ends(slow));
        rt.run(frees_a_place_and_ends(release, released, slow));
    }
    CHECK(released);
}
