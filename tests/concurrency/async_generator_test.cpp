#include <tandem/concurrency/async_generator.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

async_generator<int> up_to(int n) {
    for (int i = 0; i < n; ++i)
        co_yield i;
}

async_generator<int> waiting_up_to(int n) {
    for (int i = 0; i < n; ++i) {
        co_await yield();
        co_yield i;
    }
}

async_generator<std::unique_ptr<int>> boxes(std::shared_ptr<int> kept) {
    for (;;) {
        ++*kept;
        co_yield std::make_unique<int>(*kept);
    }
}

// Generators inside each other.
async_generator<int> doubled(async_generator<int> source) {
    while (auto n = co_await source.next())
        co_yield *n * 2;
}

task<std::vector<int>> collect(async_generator<int> source) {
    std::vector<int> all;
    while (auto n = co_await source.next())
        all.push_back(*n);
    co_return all;
}

class not_default {
public:
    not_default(int a, std::string b) : number(a), text(std::move(b)) {}
    int number;
    std::string text;
};

} // namespace

TEST_CASE("async_generator: items in order, then empty for good") {
    run_on_loop([]() -> task<> {
        auto source = waiting_up_to(3);
        for (int i = 0; i < 3; ++i) {
            const auto n = co_await source.next();
            CHECK(n == i);
        }
        const auto end = co_await source.next();
        const auto again = co_await source.next();
        CHECK_FALSE(end);
        CHECK_FALSE(again);
        async_generator<int> none;
        const auto nothing = co_await none.next();
        CHECK_FALSE(nothing);
        auto moved = std::move(source);
        const auto still = co_await source.next();
        CHECK_FALSE(still);
        const std::vector<int> all = co_await collect(doubled(doubled(waiting_up_to(3))));
        CHECK(all == std::vector<int>{0, 4, 8});
    });
}

TEST_CASE("async_generator: move-only items, references, items without a default") {
    run_on_loop([]() -> task<> {
        auto kept = std::make_shared<int>(0);
        auto source = boxes(kept);
        auto one = co_await source.next();
        auto two = co_await source.next();
        CHECK(**one == 1);
        CHECK(**two == 2);

        std::vector<int> numbers{1, 2, 3};
        auto each = [](std::vector<int>& all) -> async_generator<int&> {
            for (int& n : all) {
                co_await yield();
                co_yield n;
            }
        };
        auto refs = each(numbers);
        while (int* n = co_await refs.next())
            *n *= 10;
        CHECK(numbers == std::vector<int>{10, 20, 30});
        auto constant = [](std::vector<int>& all) -> async_generator<const int&> {
            for (int& n : all)
                co_yield n;
        };
        auto view = constant(numbers);
        const int* first = co_await view.next();
        CHECK(first == numbers.data());

        auto make = []() -> async_generator<not_default> {
            not_default local(1, "one");
            co_yield local; // copied
            co_yield std::move(local);
            co_yield not_default(2, "two");
        };
        auto things = make();
        auto a = co_await things.next();
        auto b = co_await things.next();
        auto c = co_await things.next();
        CHECK(a->text == "one");
        CHECK(b->text == "one");
        CHECK(c->number == 2);
    });
}

TEST_CASE("async_generator: an exception reaches next(), then it has ended") {
    run_on_loop([]() -> task<> {
        auto fails = []() -> async_generator<int> {
            co_yield 1;
            co_await yield();
            throw std::runtime_error("own");
        };
        auto source = fails();
        const auto one = co_await source.next();
        CHECK(one == 1);
        auto take = [&]() -> task<> { static_cast<void>(co_await source.next()); };
        const std::string what = co_await tests::message_of(take());
        CHECK(what == "own");
        const auto end = co_await source.next();
        CHECK_FALSE(end);
    });
}

TEST_CASE("async_generator: lazy, and destroyed where it stands") {
    run_on_loop([]() -> task<> {
        auto kept = std::make_shared<int>(0);
        {
            auto unused = boxes(kept);
            CHECK(kept.use_count() == 2);
        }
        CHECK(*kept == 0);
        CHECK(kept.use_count() == 1);
        auto source = boxes(kept);
        static_cast<void>(co_await source.next());
        static_cast<void>(co_await source.next());
        source = async_generator<std::unique_ptr<int>>();
        CHECK(*kept == 2);
        CHECK(kept.use_count() == 1);
    });
}

TEST_CASE("async_generator: neither stack nor loop suffers from items that come at once") {
    constexpr int many = static_cast<int>(tests::repeat(1'000'000, 100'000));
    run_on_loop([]() -> task<> {
        bool turn = false;
        auto other = [&]() -> task<> {
            co_await yield();
            turn = true;
        };
        auto consumer = [&]() -> task<long long> {
            auto source = up_to(many);
            long long sum = 0;
            std::uintptr_t lowest = tests::stack_position();
            std::uintptr_t highest = lowest;
            while (auto n = co_await source.next()) {
                sum += *n;
                lowest = std::min(lowest, tests::stack_position());
                highest = std::max(highest, tests::stack_position());
                if (*n == many - 1) CHECK(turn); // others had their turn long ago
            }
            CHECK(tests::apart(lowest, highest) < 4096);
            co_return sum;
        };
        auto [sum, nothing] = co_await when_all(consumer(), other());
        CHECK(sum == static_cast<long long>(many) * (many - 1) / 2);
    });
}

TEST_CASE("async_generator: one consumer at a time, each in its own context") {
    run_on_loop([]() -> task<> {
        event go;
        auto waits = [](event& e) -> async_generator<int> {
            co_await e.wait();
            co_yield 1;
            co_yield 2;
        };
        auto source = waits(go);
        auto take = [&]() -> task<int> {
            const auto n = co_await source.next();
            co_return *n;
        };
        auto second = [&]() -> task<ending> {
            const ending how = co_await tests::ends(take());
            go.set();
            co_return how;
        };
        auto [one, refused] = co_await when_all(take(), second());
        CHECK(one == 1);
        CHECK(refused == ending::error);
        const auto two = co_await with_timeout(1h, take()); // another context than the first time
        CHECK(two == 2);
        const auto end = co_await with_timeout(1h, source.next());
        CHECK_FALSE(end);
    });
}

TEST_CASE("async_generator: a timeout inside ends it, an item that was ready is handed over") {
    run_on_loop([]() -> task<> {
        event never;
        auto hangs = [](event& e) -> async_generator<int> {
            co_yield 1;
            co_await e.wait();
            co_yield 2;
        };
        auto source = hangs(never);
        static_cast<void>(co_await source.next());
        auto take = [&]() -> task<> { static_cast<void>(co_await with_timeout(1ms, source.next())); };
        const ending how = co_await tests::ends(take());
        CHECK(how == ending::timeout);
        const auto end = co_await source.next();
        CHECK_FALSE(end);

        auto stubborn = [](event& e) -> async_generator<int> {
            static_cast<void>(co_await tests::ends([](event& x) -> task<> { co_await x.wait(); }(e)));
            co_yield 5;
        };
        auto goes_on = stubborn(never);
        const auto five = co_await with_timeout(1ms, goes_on.next());
        CHECK(five == 5);
    });
}

TEST_CASE("async_generator: a cancelled consumer's next() leaves the generator as it is") {
    run_on_loop([]() -> task<> {
        auto source = up_to(10);
        static_cast<void>(co_await source.next());
        auto consumer = [&]() -> task<> {
            static_cast<void>(co_await tests::ends(tests::turns(1000)));
            co_await source.next();
        };
        auto race = co_await when_any(consumer(), tests::turns(2));
        CHECK(race.get<0>().cancelled());
        const auto next = co_await source.next();
        CHECK(next == 1);
    });
}

TEST_CASE("async_generator: cancelled everywhere, no item is doubled or lost before that") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::vector<int> seen;
        auto scenario = [&]() -> task<> {
            seen.clear();
            auto source = doubled(waiting_up_to(6));
            while (auto n = co_await source.next())
                seen.push_back(*n);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            for (std::size_t i = 0; i < seen.size(); ++i)
                CHECK(seen[i] == static_cast<int>(i) * 2);
            if (how == ending::value) CHECK(seen.size() == 6);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 6);
}

TEST_CASE("async_generator: runs on the loop of whoever asks") {
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        auto where = []() -> async_generator<scheduler*> {
            for (;;) {
                co_await yield();
                co_yield &task_context::current()->home();
            }
        };
        auto source = where();
        auto ask = [&]() -> task<> {
            const auto there = co_await source.next();
            CHECK(*there == &task_context::current()->home());
            CHECK(*there == &rt.loop(1));
        };
        const auto here = co_await source.next();
        CHECK(*here == &rt.loop(0));
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(1), std::ref(ask));
            co_return;
        });
    });
}

TEST_CASE("async_generator: a runtime that is destroyed takes one along that waits") {
    auto kept = std::make_shared<int>(0);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        rt.spawn([](std::shared_ptr<int> p) -> task<> {
            auto hangs = [](std::shared_ptr<int>) -> async_generator<int> {
                event never;
                co_await never.wait();
                co_yield 1;
            };
            auto source = hangs(std::move(p));
            co_await source.next();
        }(kept));
        rt.run(tests::turns(5));
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}
