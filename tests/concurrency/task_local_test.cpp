#include <tandem/concurrency/async_generator.hpp>
#include <tandem/concurrency/shared_task.hpp>
#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/task_local.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/parallelism/offload.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task_local<std::string> name;
task_local<int> depth;

std::string name_now() {
    const std::string* const n = name.get();
    return n ? *n : "-";
}

task<std::string> name_later() {
    co_await yield();
    co_return name_now();
}

} // namespace

TEST_CASE("task_local: bound for what runs inside, and only there") {
    CHECK(name.get() == nullptr); // outside of tasks
    run_on_loop([]() -> task<> {
        CHECK(name.get() == nullptr);
        auto inner = [&]() -> task<int> {
            CHECK(name_now() == "a");
            CHECK(depth.get() == nullptr);
            const std::string narrower = co_await name.with("b", name_later());
            CHECK(narrower == "b");
            CHECK(name_now() == "a");
            const int d = co_await depth.with(7, []() -> task<int> {
                co_await yield();
                CHECK(name_now() == "a");
                co_return *depth.get();
            });
            CHECK(d == 7);
            CHECK(depth.get() == nullptr);
            co_return 3;
        };
        const int result = co_await name.with("a", inner());
        CHECK(result == 3);
        CHECK(name.get() == nullptr);
        auto add = [](int a, int b) -> task<int> { co_return a + b + *depth.get(); };
        const int sum = co_await depth.with(1, add, 2, 3);
        CHECK(sum == 6);
        auto refer = [](int& place) -> task<int&> { co_return place; };
        int place = 1;
        int& r = co_await depth.with(1, refer, std::ref(place));
        CHECK(&r == &place);
        co_await depth.with(1, yield());
    });
}

TEST_CASE("task_local: an exception ends the binding") {
    run_on_loop([]() -> task<> {
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error(name_now());
        };
        const std::string what = co_await tests::message_of(name.with("x", fails()));
        CHECK(what == "x");
        CHECK(name.get() == nullptr);
    });
}

TEST_CASE("task_local: children see it, their own bindings do not reach their siblings") {
    run_on_loop([]() -> task<> {
        auto all = []() -> task<> {
            auto [a, b, c] = co_await when_all(name_later(), name.with("own", name_later()), name_later());
            CHECK(a == "outer");
            CHECK(b == "own");
            CHECK(c == "outer");
            const std::string timed = co_await with_timeout(1h, name_later());
            CHECK(timed == "outer");
            const std::string shielded = co_await shield(name_later());
            CHECK(shielded == "outer");
            std::string spawned;
            auto child = [&]() -> task<> { spawned = co_await name_later(); };
            auto body = [&](task_group& group) -> task<> {
                group.spawn(std::ref(child));
                co_return;
            };
            co_await with_task_group(body);
            CHECK(spawned == "outer");
        };
        co_await name.with("outer", all());
    });
}

TEST_CASE("task_local: who does not see it") {
    run_on_loop([]() -> task<> {
        std::string spawned = "?";
        auto child = [&]() -> task<> { spawned = co_await name_later(); };
        auto body = [&](task_group& group) -> task<> {
            auto spawns = [&]() -> task<> {
                group.spawn(std::ref(child)); // may outlive the binding
                co_return;
            };
            co_await name.with("x", spawns());
        };
        co_await with_task_group(body);
        CHECK(spawned == "-");
        const std::string offloaded = co_await name.with("x", offload(name_now));
        CHECK(offloaded == "-");
        shared_task shared(name_later());
        auto awaits = [&]() -> task<std::string> { co_return co_await shared; };
        const std::string of_shared = co_await name.with("x", awaits());
        CHECK(of_shared == "-");
    });
}

TEST_CASE("task_local: a generator sees what is in force where it is asked") {
    run_on_loop([]() -> task<> {
        auto names = []() -> async_generator<std::string> {
            for (;;) {
                co_await yield();
                co_yield name_now();
            }
        };
        auto source = names();
        const auto bare = co_await source.next();
        CHECK(*bare == "-");
        const auto bound = co_await name.with("x", source.next());
        CHECK(*bound == "x");
        const auto bare_again = co_await source.next();
        CHECK(*bare_again == "-");
    });
}

TEST_CASE("task_local: on other loops") {
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        auto look = [&]() -> task<> {
            for (int i = 0; i < 1000; ++i) {
                const std::string seen = co_await name_later();
                if (seen != "everywhere") throw std::runtime_error("seen: " + seen);
                const std::string own = co_await name.with("mine", name_later());
                if (own != "mine") throw std::runtime_error("seen: " + own);
            }
        };
        auto all = [&]() -> task<> {
            co_await with_task_group([&](task_group& group) -> task<> {
                group.spawn_on(rt.loop(0), std::ref(look));
                group.spawn_on(rt.loop(1), std::ref(look));
                co_return;
            });
        };
        co_await name.with("everywhere", all());
    });
}

TEST_CASE("task_local: cancelled everywhere, the binding ends with what it was for") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto scenario = []() -> task<> {
            const ending how = co_await tests::ends(name.with("x", tests::turns(4)));
            CHECK(name.get() == nullptr);
            if (how == ending::cancelled) throw operation_cancelled();
        };
        auto check = [](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 4);
}

TEST_CASE("task_local: a runtime that is destroyed takes bindings along") {
    auto kept = std::make_shared<int>(1);
    static task_local<std::shared_ptr<int>> holder;
    {
        runtime rt(tests::small().drain_timeout(0ms));
        rt.spawn(holder.with(kept, sleep_for(1h)));
        rt.run(tests::turns(5));
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}
