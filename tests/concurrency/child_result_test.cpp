#include <tandem/concurrency/aggregate_error.hpp>
#include <tandem/concurrency/child_result.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<int> number_after(std::size_t n, int value) {
    co_await tests::turns(n);
    co_return value;
}

task<int> fail_after(std::size_t n, const char* what) {
    co_await tests::turns(n);
    throw std::runtime_error(what);
}

task<> forever() {
    event never;
    co_await never.wait();
}

template <class T>
task<T> read(child_result<T>& handle) {
    co_return co_await handle.result();
}

task_group_options collecting() {
    return task_group_options().on_failure(failure_policy::collect_all);
}

} // namespace

TEST_CASE("child_result: values of all kinds, awaited before and after the child's end") {
    run_on_loop([]() -> task<> {
        int place = 3;
        auto body = [&](task_group& group) -> task<> {
            auto boxed = [](int value) -> task<std::unique_ptr<int>> {
                co_await yield();
                co_return std::make_unique<int>(value);
            };
            auto refer = [&]() -> task<int&> { co_return place; };
            auto a = group.spawn_result(number_after, std::size_t{3}, 5);
            auto b = group.spawn_result(named("boxed"), boxed, 6);
            auto c = group.spawn_result(tests::turns, std::size_t{2});
            auto d = group.spawn_result(refer);
            static_cast<void>(group.spawn_result(number_after, std::size_t{1}, 7)); // dropped
            CHECK_FALSE(a.done());
            const int five = co_await a.result();
            CHECK(a.done());
            const std::unique_ptr<int> six = co_await std::move(b);
            co_await c.result();
            int& three = co_await d.result();
            const int eight = co_await group.spawn_result(number_after, std::size_t{1}, 8);
            CHECK(five == 5);
            CHECK(*six == 6);
            CHECK(&three == &place);
            CHECK(eight == 8);
            const std::string twice = co_await tests::message_of(read(a));
            CHECK(twice.find("twice") != std::string::npos);
        };
        co_await with_task_group(std::ref(body));
    });
}

TEST_CASE("child_result: a failure is rethrown to the reader and is the group's as well") {
    run_on_loop([]() -> task<> {
        std::string seen;
        ending sibling = ending::value;
        auto body = [&](task_group& group) -> task<> {
            auto waits = [&]() -> task<> { sibling = co_await tests::ends(forever()); };
            group.spawn(std::ref(waits));
            auto handle = group.spawn_result(fail_after, std::size_t{2}, "no");
            // This body is cancelled by the failure, too: what has settled is told nevertheless.
            seen = co_await tests::message_of(read(handle));
        };
        const std::string what = co_await tests::message_of(with_task_group(std::ref(body)));
        CHECK(what == "no");
        CHECK(seen == "no");
        CHECK(sibling == ending::cancelled);

        auto collects = [&](task_group& group) -> task<int> {
            auto bad = group.spawn_result(fail_after, std::size_t{2}, "bad");
            auto good = group.spawn_result(number_after, std::size_t{5}, 9);
            seen = co_await tests::message_of(read(bad));
            co_return co_await good.result();
        };
        const std::string one = co_await tests::message_of(with_task_group(collecting(), collects));
        CHECK(one == "bad");
        CHECK(seen == "bad");
    });
}

TEST_CASE("child_result: refused or cancelled children throw operation_cancelled, a handle may outlive all") {
    run_on_loop([]() -> task<> {
        child_result<int> kept;
        CHECK_FALSE(static_cast<bool>(kept));
        child_result<int> refused;
        child_result<> cut;
        {
            task_group group;
            kept = group.spawn_result(number_after, std::size_t{2}, 4);
            cut = group.spawn_result(forever);
            co_await tests::turns(5);
            group.cancel();
            refused = group.spawn_result(number_after, std::size_t{2}, 4);
            co_await group.join();
        }
        const int four = co_await kept.result();
        CHECK(four == 4);
        const ending of_cut = co_await tests::ends(read(cut));
        const ending of_refused = co_await tests::ends(read(refused));
        CHECK(of_cut == ending::cancelled);
        CHECK(of_refused == ending::cancelled);
    });
}

TEST_CASE("child_result: a cancelled wait leaves the child alone, it can be read later") {
    run_on_loop([]() -> task<> {
        task_group group;
        event go;
        auto child = [&]() -> task<int> {
            co_await go.wait();
            co_return 6;
        };
        auto handle = group.spawn_result(std::ref(child));
        const ending how = co_await tests::ends(with_timeout(1ms, read(handle)));
        CHECK(how == ending::timeout);
        CHECK_FALSE(handle.done());
        go.set();
        const int six = co_await handle.result();
        CHECK(six == 6);
        co_await group.join();
    });
}

TEST_CASE("child_result: children on two loops and the pool, read on a third task") {
    const std::size_t rounds = tests::repeat(300, 60);
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            long sum = 0;
            std::size_t failed = 0;
            auto child = [&](std::size_t n) -> task<std::unique_ptr<long>> {
                auto square = [](std::size_t x) { return static_cast<long>(x * x); };
                long value = 0;
                if (n % 4 == 0)
                    value = co_await offload(square, n);
                else
                    value = square(n);
                co_await tests::turns(n % 3);
                if (i % 2 == 1 && n == 7) throw std::runtime_error("seven");
                co_return std::make_unique<long>(value);
            };
            auto body = [&](task_group& group) -> task<> {
                std::vector<child_result<std::unique_ptr<long>>> handles;
                for (std::size_t n = 0; n < 10; ++n)
                    handles.push_back(
                        group.spawn_result_on(rt.loop(n % 2), named("square"), std::ref(child), n));
                std::atomic<bool> on_loop_1{true};
                auto reader = [&](child_result<std::unique_ptr<long>> handle) -> task<long> {
                    std::unique_ptr<long> value = co_await std::move(handle);
                    on_loop_1 = on_loop_1 && rt.loop(1).is_current();
                    co_return *value;
                };
                for (std::size_t n = 0; n < 10; n += 2) {
                    auto read_elsewhere =
                        group.spawn_result_on(rt.loop(1), std::ref(reader), std::move(handles[n]));
                    sum += co_await read_elsewhere.result();
                    std::string message;
                    try {
                        sum += *co_await handles[n + 1].result();
                    } catch (const std::runtime_error&) {
                        ++failed;
                    }
                }
                CHECK(on_loop_1);
            };
            const ending how = co_await tests::ends(with_task_group(collecting(), std::ref(body)));
            CHECK(how == (i % 2 == 1 ? ending::error : ending::value));
            CHECK(failed == i % 2);
            CHECK(sum == (i % 2 == 1 ? 285 - 49 : 285));
        }
    });
}

TEST_CASE("child_result: cancelled at every suspension") {
    int alive = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        auto child = [&](std::size_t n) -> task<int> {
            ++alive;
            const ending how = co_await tests::ends(tests::turns(n));
            --alive;
            if (how != ending::value) throw operation_cancelled();
            co_return 1;
        };
        auto body = [&](task_group& group) -> task<int> {
            auto a = group.spawn_result(std::ref(child), std::size_t{3});
            auto b = group.spawn_result(std::ref(child), std::size_t{5});
            const int first = co_await a.result();
            co_return first + co_await b.result();
        };
        auto scenario = [&]() -> task<> {
            const int sum = co_await with_task_group(std::ref(body));
            if (sum != 2) throw std::logic_error("wrong");
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(alive == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 5);
}

TEST_CASE("child_result: a runtime that is destroyed while a task waits for one") {
    auto token = std::make_shared<int>(1);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        rt.run([&]() -> task<> {
            auto root = [](std::shared_ptr<int> held) -> task<> {
                task_group group;
                auto child = [](std::shared_ptr<int>) -> task<int> {
                    for (;;)
                        static_cast<void>(co_await tests::ends(forever()));
                };
                auto handle = group.spawn_result(child, held);
                static_cast<void>(co_await tests::ends(read(handle)));
                for (;;)
                    static_cast<void>(co_await tests::ends(forever()));
            };
            rt.spawn(tandem::invoke(root, token));
            co_await tests::turns(3);
        });
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("start: returns when the child is ready, with its value, the child runs on") {
    run_on_loop([]() -> task<> {
        bool ended = false;
        event stop;
        auto body = [&](task_group& group) -> task<> {
            auto serve = [&](started<std::string>& start, int number) -> task<> {
                co_await tests::turns(3);
                CHECK(start.ready("port " + std::to_string(number)));
                CHECK_FALSE(start.ready("again"));
                co_await stop.wait();
                ended = true;
            };
            auto simple = [&](started<>& start) -> task<> {
                CHECK(start.ready());
                co_await stop.wait();
            };
            const std::string port = co_await group.start<std::string>(std::ref(serve), 80);
            CHECK(port == "port 80");
            CHECK_FALSE(ended);
            co_await group.start(named("simple"), std::ref(simple));
            CHECK(group.size() == 3);
            stop.set();
        };
        co_await with_task_group(std::ref(body));
        CHECK(ended);
    });
}

TEST_CASE(
    "start: a failure before that is the starter's, one after it the group's, an early end is an error") {
    run_on_loop([]() -> task<> {
        std::string before;
        std::string early;
        auto body = [&](task_group& group) -> task<> {
            auto fails = [](started<int>&) -> task<> {
                co_await yield();
                throw std::runtime_error("address in use");
            };
            before = co_await tests::message_of(group.start<int>(fails));
            auto ends = [](started<int>&) -> task<> { co_await yield(); };
            early = co_await tests::message_of(group.start<int>(ends));
            CHECK_FALSE(group.cancelled());
            CHECK(group.errors().empty());
            auto fails_later = [](started<int>& start) -> task<> {
                start.ready(1);
                co_await yield();
                throw std::runtime_error("later");
            };
            const int one = co_await group.start<int>(fails_later);
            CHECK(one == 1);
            co_await forever();
        };
        const std::string what = co_await tests::message_of(with_task_group(std::ref(body)));
        CHECK(before == "address in use");
        CHECK(early.find("without saying that it is ready") != std::string::npos);
        CHECK(what == "later");

        task_group cancelled;
        cancelled.cancel();
        auto never = [](started<>&) -> task<> { co_return; };
        const ending refused = co_await tests::ends(cancelled.start(never));
        CHECK(refused == ending::cancelled);
        co_await cancelled.join();
    });
}

TEST_CASE("start: a starter that leaves cancels the child, whose failure is then the group's") {
    run_on_loop([]() -> task<> {
        task_group group;
        ending child = ending::value;
        bool taken = true;
        auto slow = [&](started<int>& start) -> task<> {
            child = co_await tests::ends(forever());
            taken = start.ready(1);
            throw std::runtime_error("cleaning up");
        };
        const ending how = co_await tests::ends(with_timeout(1ms, group.start<int>(std::ref(slow))));
        CHECK(how == ending::timeout);
        const std::string what = co_await tests::message_of(group.join());
        CHECK(child == ending::cancelled);
        CHECK_FALSE(taken);
        CHECK(what == "cleaning up");
    });
}

TEST_CASE("start: cancelled at every suspension, nothing is left behind") {
    int alive = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        auto serve = [&](started<int>& start, std::size_t n) -> task<> {
            ++alive;
            const ending first = co_await tests::ends(tests::turns(n));
            if (first == ending::value) start.ready(1);
            const ending rest = co_await tests::ends(tests::turns(2));
            --alive;
            if (rest != ending::value) throw operation_cancelled();
        };
        auto body = [&](task_group& group) -> task<> {
            const int one = co_await group.start<int>(std::ref(serve), std::size_t{2});
            const int two = one + co_await group.start<int>(std::ref(serve), std::size_t{3});
            if (two != 2) throw std::logic_error("wrong");
        };
        auto scenario = [&]() -> task<> { return with_task_group(std::ref(body)); };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(alive == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 6);
}

TEST_CASE("child_result: cancel ends this child, and no other") {
    run_on_loop([]() -> task<> {
        bool cleaned = false;
        auto waits = [&]() -> task<int> {
            try {
                co_await forever();
            } catch (const operation_cancelled&) {
                cleaned = true;
                throw;
            }
            co_return 1;
        };
        auto stubborn = []() -> task<int> {
            const ending how = co_await tests::ends(forever());
            co_return how == ending::cancelled ? 7 : 0;
        };
        auto body = [&](task_group& group) -> task<> {
            auto cut = group.spawn_result(std::ref(waits));
            auto completes = group.spawn_result(stubborn);
            auto other = group.spawn_result(number_after, std::size_t{10}, 3);
            co_await yield();
            cut.cancel();
            completes.cancel();
            cut.cancel();
            const ending of_cut = co_await tests::ends(read(cut));
            CHECK(of_cut == ending::cancelled);
            CHECK(cleaned);
            const int seven = co_await completes.result();
            CHECK(seven == 7);
            CHECK_FALSE(group.cancelled());
            const int three = co_await other.result();
            CHECK(three == 3);
            cut.cancel(); // it has ended
        };
        co_await with_task_group(std::ref(body));
    });
}

TEST_CASE("child_result: cancel before the child begins") {
    run_on_loop([]() -> task<> {
        int begun = 0;
        auto child = [&begun]() -> task<int> {
            ++begun;
            co_await yield();
            co_return 1;
        };
        auto body = [&](task_group& group) -> task<> {
            auto queued = group.spawn_result(std::ref(child));
            queued.cancel();
            auto held_back = group.spawn_result(std::ref(child)); // the group's limit is 1
            held_back.cancel();
            const ending of_queued = co_await tests::ends(read(queued));
            const ending of_held_back = co_await tests::ends(read(held_back));
            CHECK(of_queued == ending::cancelled);
            CHECK(of_held_back == ending::cancelled);
            CHECK(begun == 2);
        };
        co_await with_task_group(task_group_options().limit(1), std::ref(body));
    });
}

TEST_CASE("child_result: cancel from other threads while the children end") {
    runtime rt(tests::loops(2));
    const std::size_t rounds = tests::repeat(2'000, 300);
    std::atomic<std::size_t> ended{0};
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < rounds; ++i) {
                auto child = std::make_shared<child_result<int>>(
                    group.spawn_result(number_after, i % 4, static_cast<int>(i)));
                auto canceller = [](std::shared_ptr<child_result<int>> of, std::size_t turns) -> task<> {
                    co_await tests::turns(turns);
                    of->cancel();
                };
                group.spawn_on(rt.loop(1), canceller, child, i % 3);
                const ending how = co_await tests::ends(read(*child));
                CHECK((how == ending::value || how == ending::cancelled));
                ++ended;
            }
        });
    });
    CHECK(ended == rounds);
}
