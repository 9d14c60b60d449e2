#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/testing.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;

namespace {

// The order in which eight tasks take their steps.
task<std::vector<int>> interleaving() {
    std::vector<int> order;
    auto steps = [&](int number) -> task<> {
        for (int i = 0; i < 5; ++i) {
            order.push_back(number);
            if (i == 2)
                co_await sleep_for(1min);
            else
                co_await yield();
        }
    };
    co_await with_task_group([&](task_group& group) -> task<> {
        for (int i = 0; i < 8; ++i)
            group.spawn(steps, i);
        co_return;
    });
    co_return order;
}

// Loses an update when the two are interleaved between reading and writing; in order of arrival the first is
// through before the second begins.
task<bool> planted_bug() {
    int balance = 0;
    auto add = [&](int pauses) -> task<> {
        for (int i = 0; i < pauses; ++i)
            co_await yield();
        const int seen = balance;
        co_await yield();
        balance = seen + 1;
    };
    co_await when_all(add(0), add(3));
    co_return balance == 2;
}

task<bool> mended() {
    int balance = 0;
    mutex m;
    auto add = [&](int pauses) -> task<> {
        for (int i = 0; i < pauses; ++i)
            co_await yield();
        const auto guard = co_await m.lock();
        const int seen = balance;
        co_await yield();
        balance = seen + 1;
    };
    co_await when_all(add(0), add(3));
    co_return balance == 2;
}

} // namespace

TEST_CASE("seeds: the same seed gives the same order, another one another") {
    const std::vector<int> in_turn = test::run(interleaving());
    std::set<std::vector<int>> orders;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const std::vector<int> order = test::run(test::options().seed(seed), interleaving());
        CHECK(order == test::run(test::options().seed(seed), interleaving()));
        orders.insert(order);
        std::vector<int> sorted = order;
        std::sort(sorted.begin(), sorted.end());
        std::vector<int> expected = in_turn;
        std::sort(expected.begin(), expected.end());
        CHECK(sorted == expected);
    }
    CHECK(orders.size() == 50);
    CHECK(in_turn == test::run(interleaving()));
    CHECK(std::vector<int>(in_turn.begin(), in_turn.begin() + 8) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("seeds: a planted bug of order is found, and replayed") {
    CHECK(test::run(planted_bug())); // in order of arrival it does not show
    const auto failed = test::find_failing_seed(100, planted_bug);
    REQUIRE(failed.has_value());
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(test::run(test::options().seed(failed->seed), planted_bug()));
    CHECK_THROWS_AS(test::for_each_seed(100, planted_bug), std::runtime_error);
    CHECK_FALSE(test::find_failing_seed(500, mended).has_value());
    test::for_each_seed(test::options().seed(1'000), 100, mended);
}

TEST_CASE("seeds: an exception and a deadlock fail too") {
    auto throws = [](int limit) -> task<> {
        int first = -1;
        auto note = [&](int n) -> task<> {
            if (first < 0) first = n;
            co_return;
        };
        co_await when_all(note(0), note(1), note(2));
        if (first >= limit) throw std::domain_error("too early");
    };
    const auto thrown = test::find_failing_seed(100, throws, 1);
    REQUIRE(thrown.has_value());
    CHECK_THROWS_AS(std::rethrow_exception(thrown->failure), std::domain_error);
    CHECK_FALSE(test::find_failing_seed(100, throws, 3).has_value());

    auto two_locks = []() -> task<> {
        mutex a, b;
        auto both = [](mutex& one, mutex& other) -> task<> {
            const auto first = co_await one.lock();
            co_await yield();
            const auto second = co_await other.lock();
        };
        co_await when_all(both(a, b), both(b, a));
    };
    const auto stuck = test::find_failing_seed(100, two_locks);
    REQUIRE(stuck.has_value());
    std::string text;
    try {
        std::rethrow_exception(stuck->failure);
    } catch (const test::deadlock_error& e) {
        text = e.what();
    }
    CHECK(text.find(" in mutex.lock") != std::string::npos);
    CHECK(text.find("seed(" + std::to_string(stuck->seed) + ")") != std::string::npos);
}

TEST_CASE("cancel_everywhere: strikes at every suspension, and reports how each run ended") {
    auto body = []() -> task<bool> {
        std::vector<int> reached(5, 0);
        auto scenario = [&]() -> task<> {
            for (std::size_t i = 0; i < reached.size(); ++i) {
                ++reached[i];
                co_await yield();
            }
        };
        std::size_t values = 0, cancellations = 0;
        auto check = [&](test::ending end) {
            values += end == test::ending::value;
            cancellations += end == test::ending::cancelled;
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, check);
        bool each = true;
        for (std::size_t i = 1; i < reached.size(); ++i)
            each = each && reached[i - 1] > reached[i]; // some run ended right before this step
        co_return each&& values == 2 && cancellations == cancelled;
    };
    CHECK(test::run(body));
}
