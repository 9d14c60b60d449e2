// A task that is empty, or was awaited before: std::logic_error wherever it is given, not a crash.
#include <tandem/concurrency/as_completed.hpp>
#include <tandem/concurrency/first_success.hpp>
#include <tandem/concurrency/shared_task.hpp>
#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_all_settled.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_cleanup.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/block_on.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::message_of;
using tests::run_on_loop;

namespace {

const std::string empty_text = "an empty task was awaited: it was moved from, or never held a coroutine";
const std::string twice_text = "a task was awaited twice: its coroutine runs once";

task<int> one() {
    co_await yield();
    co_return 1;
}

task<> nothing() {
    co_return;
}

// The text of the std::logic_error, and of nothing else, that awaiting `operation` throws.
template <class A>
task<std::string> complaint(A operation) {
    std::string text = "(none)";
    try {
        static_cast<void>(co_await std::move(operation));
    } catch (const std::logic_error& e) {
        text = e.what();
    }
    co_return text;
}

} // namespace

TEST_CASE("not awaitable: awaited twice") {
    run_on_loop([]() -> task<> {
        task<int> t = one();
        const int first = co_await std::move(t);
        CHECK(first == 1);
        std::string again;
        try {
            static_cast<void>(co_await std::move(t));
        } catch (const std::logic_error& e) {
            again = e.what();
        }
        CHECK(again == twice_text);
        const std::string in_another = co_await complaint(std::move(t));
        CHECK(in_another == twice_text);
        const std::string moved_from = co_await complaint(std::move(t));
        CHECK(moved_from == empty_text);
    });
}

TEST_CASE("not awaitable: awaited by two at once") {
    run_on_loop([]() -> task<> {
        task<int> t = one();
        auto wait = [&t]() -> task<int> { co_return co_await std::move(t); };
        auto [first, second] = co_await when_all_settled(wait(), wait());
        REQUIRE(first.has_value());
        CHECK(*first == 1);
        CHECK_FALSE(second.has_value());
        const std::string text = describe(second.failure());
        CHECK_THAT(text, Catch::Contains(twice_text));
    });
}

TEST_CASE("not awaitable: empty tasks of every kind") {
    run_on_loop([]() -> task<> {
        const std::string of_void = co_await complaint(task<>());
        CHECK(of_void == empty_text);
        const std::string of_int = co_await complaint(task<int>());
        CHECK(of_int == empty_text);
        const std::string of_reference = co_await complaint(task<std::string&>());
        CHECK(of_reference == empty_text);
        const std::string of_movable = co_await complaint(task<std::unique_ptr<int>>());
        CHECK(of_movable == empty_text);
    });
}

TEST_CASE("not awaitable: in combinators it is the failure of one child") {
    run_on_loop([]() -> task<> {
        const std::string all = co_await complaint(when_all(task<>()));
        CHECK(all == empty_text);
        const std::string among_others = co_await complaint(when_all(one(), task<std::string>(), nothing()));
        CHECK(among_others == empty_text);
        std::vector<task<int>> several;
        several.push_back(one());
        several.emplace_back();
        const std::string range = co_await complaint(when_all(std::move(several)));
        CHECK(range == empty_text);
        auto [good, bad] = co_await when_all_settled(one(), task<int>());
        CHECK(good.has_value());
        CHECK_FALSE(bad.has_value());
        const std::string limited = co_await complaint(with_timeout(1h, task<>()));
        CHECK(limited == empty_text);
        const std::string shielded = co_await complaint(as_task(shield(task<int>())));
        CHECK(shielded == empty_text);
        const std::string cleaned = co_await complaint(with_cleanup(task<>(), [] { return nothing(); }));
        CHECK(cleaned == empty_text);
        const std::string shared = co_await complaint(as_task(shared_task<int>(task<int>())));
        CHECK(shared == empty_text);
        const int found = co_await first_success(task<int>(), one());
        CHECK(found == 1);
        std::vector<task<int>> tasks;
        tasks.emplace_back();
        tasks.push_back(one());
        auto body = [](completions<int>& results) -> task<int> {
            int failed = 0;
            while (auto next = co_await results.next())
                if (!next->has_value()) ++failed;
            co_return failed;
        };
        const int failed = co_await as_completed(std::move(tasks), 2, body);
        CHECK(failed == 1);
    });
}

TEST_CASE("not awaitable: a shield is awaited once") {
    run_on_loop([]() -> task<> {
        auto work = shield(one());
        const int first = co_await work;
        CHECK(first == 1);
        std::string again;
        try {
            static_cast<void>(co_await work);
        } catch (const std::logic_error& e) {
            again = e.what();
        }
        CHECK(again == empty_text);
    });
}

TEST_CASE("not awaitable: given to a group or a runtime") {
    run_on_loop([]() -> task<> {
        auto spawns = [](task_group& group) -> task<> {
            group.spawn(task<>());
            co_return;
        };
        const std::string of_group = co_await complaint(with_task_group(spawns));
        CHECK(of_group == empty_text);
    });
    runtime rt(tests::small());
    CHECK_THROWS_AS(rt.run(task<int>()), std::logic_error);
    CHECK_THROWS_AS(block_on(task<>()), std::logic_error);
    CHECK(rt.run(one()) == 1);
}
