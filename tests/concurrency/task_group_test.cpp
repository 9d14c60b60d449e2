#include <tandem/concurrency/aggregate_error.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
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

// Says when it is destroyed.
class trace {
public:
    trace(std::vector<int>& log, int me) noexcept : log_(&log), me_(me) {}
    trace(trace&& other) noexcept : log_(std::exchange(other.log_, nullptr)), me_(other.me_) {}
    trace(const trace& other) = delete;
    ~trace() {
        if (log_) log_->push_back(me_);
    }

private:
    std::vector<int>* log_;
    int me_;
};

} // namespace

TEST_CASE("task_group: empty, with and without a result") {
    run_on_loop([]() -> task<> {
        co_await with_task_group([](task_group&) -> task<> { co_return; });
        const int n = co_await with_task_group([](task_group& group) -> task<int> {
            CHECK(group.size() == 1); // the body
            co_return 5;
        });
        CHECK(n == 5);
        task_group bare;
        CHECK(bare.size() == 0);
        co_await bare.join();
        co_await bare.join();
        CHECK_FALSE(bare.cancelled());
    });
    CHECK_THROWS_AS(task_group(), std::logic_error);
}

TEST_CASE("task_group: waits for children, grandchildren and what children spawn into it") {
    int done = 0;
    run_on_loop([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            auto leaf = [&]() -> task<> {
                co_await tests::turns(3);
                ++done;
            };
            struct recursive {
                static task<> run(task_group& g, int depth, int& count) {
                    co_await yield();
                    if (depth > 0) {
                        g.spawn(run, std::ref(g), depth - 1, std::ref(count));
                        g.spawn(run, std::ref(g), depth - 1, std::ref(count));
                    }
                    ++count;
                }
            };
            group.spawn(recursive::run, std::ref(group), 6, std::ref(done));
            group.spawn(leaf()); // a task as such: its closure is the body's, which waits
            co_await tests::turns(20);
        });
    });
    CHECK(done == 128);
}

TEST_CASE("task_group: arguments and callables live in the child, move-only ones too") {
    int sum = 0;
    run_on_loop([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 1; i <= 3; ++i) {
                auto captured = std::make_unique<int>(i);
                auto child = [captured = std::move(captured), &sum](std::unique_ptr<int> argument) -> task<> {
                    co_await tests::turns(2);
                    sum += *captured * *argument;
                };
                group.spawn(std::move(child), std::make_unique<int>(10));
            }
            group.spawn([] { return yield(); }); // any awaitable
            co_return;
        });
    });
    CHECK(sum == 60);
}

TEST_CASE("task_group: the first failure cancels the others, all are kept") {
    run_on_loop([]() -> task<> {
        std::size_t cancelled = 0;
        std::size_t kept = 0;
        auto waits = [&]() -> task<> {
            const ending how = co_await tests::ends(forever());
            if (how == ending::cancelled) ++cancelled;
            throw std::runtime_error("while cleaning up");
        };
        std::string what;
        try {
            task_group group;
            group.spawn(std::ref(waits));
            group.spawn(fail_after, std::size_t{2}, "first");
            group.spawn(std::ref(waits));
            static_cast<void>(co_await tests::ends(group.join()));
            kept = group.errors().size();
            CHECK(group.cancelled());
            co_await group.join();
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "first");
        CHECK(cancelled == 2);
        CHECK(kept == 3);

        const std::string of_body =
            co_await tests::message_of(with_task_group([&](task_group& group) -> task<> {
                group.spawn(forever);
                co_await yield();
                throw std::logic_error("body");
            }));
        CHECK(of_body == "body");
        const std::string of_child =
            co_await tests::message_of(with_task_group([&](task_group& group) -> task<int> {
                group.spawn(fail_after, std::size_t{1}, "child");
                co_await forever();
                co_return 1;
            }));
        CHECK(of_child == "child");
    });
}

TEST_CASE("task_group: cancel ends children and body without failure, later spawns are refused") {
    run_on_loop([]() -> task<> {
        bool refused = false;
        bool destroyed = false;
        bool ran = false;
        ending body = ending::value;
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(forever);
            group.cancel();
            group.cancel();
            CHECK(group.cancelled());
            auto token = std::make_shared<int>(1);
            std::weak_ptr<int> watch = token;
            auto late = [&ran](std::shared_ptr<int>) -> task<> {
                ran = true;
                co_return;
            };
            refused = !group.spawn(late, std::move(token));
            destroyed = watch.expired();
            body = co_await tests::ends(tests::turns(1));
            throw operation_cancelled(); // cut short
        });
        CHECK(refused);
        CHECK(destroyed);
        CHECK_FALSE(ran);
        CHECK(body == ending::cancelled);

        auto with_result = [](task_group& group) -> task<int> {
            group.cancel();
            co_await yield();
            co_return 1;
        };
        const ending how = co_await tests::ends(with_task_group(with_result));
        CHECK(how == ending::cancelled);
    });
}

TEST_CASE("task_group: a body made by a function that has cancelled the group is cancelled") {
    run_on_loop([]() -> task<> {
        bool passed = false;
        auto body = [&](task_group& group) -> task<> {
            group.cancel();
            auto work = [&]() -> task<> {
                co_await tests::turns(10);
                passed = true;
            };
            return tandem::invoke(work);
        };
        co_await with_task_group(body);
        CHECK_FALSE(passed);
    });
}

TEST_CASE("task_group: a body that throws before it gives its task fails as any other") {
    run_on_loop([]() -> task<> {
        std::vector<ending> children;
        auto child = [&](std::size_t n) -> task<> {
            const ending how = co_await tests::ends(tests::turns(n));
            children.push_back(how);
        };
        auto waits = [&]() -> task<> {
            const ending how = co_await tests::ends(forever());
            children.push_back(how);
        };
        auto fails = [&](task_group& group) -> task<int> {
            group.spawn(std::ref(waits));
            group.spawn(std::ref(waits));
            throw std::runtime_error("no body");
        };
        const std::string failed = co_await tests::message_of(with_task_group(std::ref(fails)));
        CHECK(failed == "no body");
        CHECK(children == std::vector{ending::cancelled, ending::cancelled});

        children.clear();
        auto fails_late = [&](task_group& group) -> task<> {
            group.spawn(std::ref(child), std::size_t{3});
            group.spawn(fail_after, std::size_t{1}, "child");
            throw std::runtime_error("no body");
        };
        const auto collect = task_group_options().on_failure(failure_policy::collect_all);
        std::vector<std::string> kept;
        try {
            co_await with_task_group(collect, std::ref(fails_late));
        } catch (const aggregate_error& e) {
            for (const std::exception_ptr& one : e.errors())
                kept.push_back(describe(one));
        }
        CHECK(children == std::vector{ending::value});
        const bool both = kept.size() == 2 && kept[0].find("no body") != std::string::npos &&
                          kept[1].find("child") != std::string::npos;
        CHECK(both);

        // A cancellation is no failure of the group: the children run on. There is no result, though.
        children.clear();
        auto gives_up = [&](task_group& group) -> task<int> {
            group.spawn(std::ref(child), std::size_t{3});
            throw operation_cancelled("given up");
        };
        const ending given_up = co_await tests::ends(with_task_group(std::ref(gives_up)));
        CHECK(given_up == ending::cancelled);
        CHECK(children == std::vector{ending::value});
    });
}

TEST_CASE("task_group: a stop callback of a child may use the group") {
    run_on_loop([]() -> task<> {
        std::size_t size_seen = 0;
        bool spawned = true;
        co_await with_task_group([&](task_group& group) -> task<> {
            auto child = [&]() -> task<> {
                const std::stop_token token = co_await current_stop_token();
                auto ask = [&] {
                    size_seen = group.size();
                    spawned = group.spawn(forever);
                    group.cancel();
                };
                const std::stop_callback<decltype(ask)> callback(token, ask);
                co_await forever();
            };
            group.spawn(std::ref(child));
            co_await tests::turns(2);
            group.cancel();
        });
        CHECK(size_seen == 2);
        CHECK_FALSE(spawned);
    });
}

TEST_CASE("task_group: cancelled at every suspension, with nested groups, nothing outlives it") {
    int alive = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        class life {
        public:
            explicit life(int& count) noexcept : count_(count) { ++count_; }
            ~life() { --count_; }
            life(const life&) = delete;

        private:
            int& count_;
        };
        auto leaf = [&](std::size_t n) -> task<> {
            const life here(alive);
            co_await tests::turns(n);
        };
        auto inner = [&](task_group& group) -> task<> {
            const life here(alive);
            group.spawn(std::ref(leaf), std::size_t{2});
            group.spawn(std::ref(leaf), std::size_t{4});
            co_await tests::turns(1);
        };
        auto nested = [&]() -> task<> { return with_task_group(inner); };
        auto outer = [&](task_group& group) -> task<> {
            group.spawn(std::ref(nested));
            group.spawn(std::ref(leaf), std::size_t{3});
            co_await nested();
            group.spawn(std::ref(nested));
        };
        auto scenario = [&]() -> task<> { return with_task_group(outer); };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(alive == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 10);
}

TEST_CASE("task_group: a caller's cancellation that cuts children short is told, though the body is done") {
    run_on_loop([]() -> task<> {
        bool went_on = false;
        auto subject = [&]() -> task<> {
            co_await with_task_group([](task_group& group) -> task<> {
                group.spawn(forever);
                co_return;
            });
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

TEST_CASE("task_group: join inside a timeout cancels the children when the time is up") {
    run_on_loop([]() -> task<> {
        task_group group;
        bool cleaned = false;
        auto child = [&]() -> task<> {
            const ending how = co_await tests::ends(forever());
            cleaned = how == ending::cancelled;
        };
        group.spawn(std::ref(child));
        const ending how = co_await tests::ends(with_timeout(2ms, group.join()));
        CHECK(how == ending::timeout);
        CHECK(cleaned);
        CHECK(group.size() == 0);
        const ending again = co_await tests::ends(group.join());
        CHECK(again == ending::value); // this task was not cancelled
    });
    run_on_loop([]() -> task<> {
        task_group group;
        group.spawn(tests::turns(3));
        const ending how = co_await tests::ends(with_timeout(1h, group.join()));
        CHECK(how == ending::value);
        auto pair = co_await when_all(tests::ends(group.join()), tests::ends(tests::turns(2)));
        CHECK(std::get<0>(pair) == ending::value);
    });
}

TEST_CASE("task_group: a child's frame and arguments go before the group is seen to be empty") {
    std::vector<int> log;
    run_on_loop([&]() -> task<> {
        auto child = [](trace, std::size_t n) -> task<> { co_await tests::turns(n); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(child, trace(log, 1), std::size_t{3});
            group.spawn(child, trace(log, 2), std::size_t{1});
            co_return;
        });
        log.push_back(3);
    });
    CHECK(log == std::vector<int>{2, 1, 3});
}

TEST_CASE("task_group: cancelled and spawned into from another thread") {
    const std::size_t rounds = tests::repeat(300, 100);
    runtime rt(tests::loops(2));
    for (std::size_t i = 0; i < rounds; ++i) {
        std::atomic<task_group*> shared{nullptr};
        std::atomic<bool> done{false};
        std::atomic<int> started{0};
        std::thread other([&] {
            task_group* group = nullptr;
            while ((group = shared.load()) == nullptr)
                std::this_thread::yield();
            auto child = [&started]() -> task<> {
                ++started;
                co_await forever();
            };
            for (int n = 0; n < 10; ++n) {
                group->spawn(child);
                group->spawn_on(rt.loop(1), child);
            }
            static_cast<void>(group->size());
            if (i % 2 == 0) std::this_thread::yield();
            group->cancel();
            static_cast<void>(group->spawn(child));
            done = true;
        });
        rt.run([&]() -> task<> {
            co_await with_task_group([&](task_group& group) -> task<> {
                shared = &group;
                // The group must exist as long as the other thread uses it.
                while (!done)
                    static_cast<void>(co_await tests::ends(tests::turns(1)));
            });
        });
        other.join();
        CHECK(started <= 20);
    }
}

TEST_CASE("task_group: children on two loops and the pool, with failures and cancellations") {
    const std::size_t rounds = tests::repeat(200, 50);
    runtime rt(tests::loops(2));
    semaphore slots(3);
    std::atomic<std::size_t> computed{0};
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> ended{0};
    auto child = [&](std::size_t n) -> task<> {
        class count {
        public:
            count(std::atomic<std::size_t>& b, std::atomic<std::size_t>& e) noexcept : e_(e) { ++b; }
            ~count() { ++e_; }
            count(const count&) = delete;

        private:
            std::atomic<std::size_t>& e_;
        };
        const count here(begun, ended);
        const semaphore_permit permit = co_await slots.acquire();
        auto compute = [](std::size_t x) -> std::size_t { return x * x; };
        computed += co_await offload(compute, n);
        co_await tests::turns(n % 3);
        if (n == 13) throw std::runtime_error("thirteen");
    };
    std::size_t failures = 0;
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            const ending how = co_await tests::ends(with_task_group([&](task_group& group) -> task<> {
                for (std::size_t n = 0; n < 16; ++n)
                    group.spawn_on(rt.loop(n % 2), std::ref(child), i % 4 == 0 ? n : n % 8);
                co_await tests::turns(i % 5);
                if (i % 4 == 1) group.cancel();
            }));
            failures += how == ending::error ? 1 : 0;
            CHECK(begun == ended);
            CHECK(slots.available() == 3);
        }
    });
    CHECK(failures == (rounds + 3) / 4);
    CHECK(begun == ended);
}

TEST_CASE("task_group: a child on another loop runs there and reports its failure") {
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        std::atomic<bool> on_loop_1{false};
        auto child = [&]() -> task<> {
            on_loop_1 = rt.loop(1).is_current();
            co_await yield();
            on_loop_1 = on_loop_1 && rt.loop(1).is_current();
            throw std::runtime_error("from loop 1");
        };
        const std::string what = co_await tests::message_of(with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(1), std::ref(child));
            co_await forever();
        }));
        CHECK(what == "from loop 1");
        CHECK(on_loop_1);
        CHECK(rt.loop(0).is_current());
    });
}

TEST_CASE("task_group: a cancelled task that begins a group is not told that its refused children are done") {
    bool ran = false;
    const auto subject = [&ran]() -> task<> {
        task_context::current()->request_cancel();
        auto spawn_one = [&ran](task_group& group) -> task<> {
            const bool begun = group.spawn([&ran]() -> task<> {
                ran = true;
                co_return;
            });
            CHECK_FALSE(begun);
            co_return;
        };
        co_await with_task_group(spawn_one);
    };
    const tests::ending how = tests::run_on_loop(tests::ends(subject()));
    CHECK(how == tests::ending::cancelled);
    CHECK_FALSE(ran);
}
