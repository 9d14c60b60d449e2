// The join behind when_all and its like: when the first steps of its children run.
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_all_settled.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<> note(std::vector<int>& log, int number) {
    log.push_back(number);
    co_return;
}

task<> note_and_yield(std::vector<int>& log, int number) {
    log.push_back(number);
    co_await yield();
    log.push_back(-number);
}

task<> nested(int depth) {
    if (depth > 0) co_await when_all(nested(depth - 1), tests::turns(0));
}

task<> throws() {
    throw std::runtime_error("in the first step");
    co_return;
}

task<> waits(event& never, ending& how) {
    how = co_await tests::ends(as_task(never.wait()));
}

task<> cancels(task_context& whom) {
    whom.request_cancel();
    co_return;
}

} // namespace

TEST_CASE("join: first steps run in order, before what was ready already") {
    std::vector<int> log;
    run_on_loop([&log]() -> task<> {
        co_await with_task_group([&log](task_group& group) -> task<> {
            group.spawn(note, std::ref(log), 9);
            co_await when_all(note(log, 1), note_and_yield(log, 2), note(log, 3));
            log.push_back(4);
        });
    });
    CHECK(log == std::vector<int>{1, 2, 3, 9, -2, 4});
}

TEST_CASE("join: of very many children the later ones are queued, in order") {
    constexpr int count = 300;
    std::vector<int> log;
    run_on_loop([&log]() -> task<> {
        co_await with_task_group([&log](task_group& group) -> task<> {
            group.spawn(note, std::ref(log), -1);
            std::vector<task<>> children;
            for (int i = 0; i < count; ++i)
                children.push_back(note(log, i));
            co_await when_all(std::move(children));
        });
    });
    const auto neighbour = std::find(log.begin(), log.end(), -1);
    REQUIRE(neighbour != log.end());
    CHECK(neighbour - log.begin() == 128);
    log.erase(neighbour);
    CHECK(log.size() == count);
    CHECK(std::is_sorted(log.begin(), log.end()));
}

TEST_CASE("join: joins in first steps of joins do not use up the stack") {
    run_on_loop([]() -> task<> { co_await nested(100'000); });
}

TEST_CASE("join: a task whose joins never wait gives way to others") {
    run_on_loop([]() -> task<> {
        bool stop = false;
        co_await with_task_group([&stop](task_group& group) -> task<> {
            group.spawn([&stop]() -> task<> {
                stop = true;
                co_return;
            });
            while (!stop)
                co_await when_all(tests::turns(0), tests::turns(0));
        });
    });
}

TEST_CASE("join: a first step that fails cancels the siblings before and after it") {
    run_on_loop([]() -> task<> {
        event never;
        ending before = ending::value;
        ending after = ending::value;
        const ending how =
            co_await tests::ends(when_all(waits(never, before), throws(), waits(never, after)));
        CHECK(how == ending::error);
        CHECK(before == ending::cancelled);
        CHECK(after == ending::cancelled);
    });
}

TEST_CASE("join: a first step that cancels the task that waits for it") {
    run_on_loop([]() -> task<> {
        event never;
        ending before = ending::value;
        ending after = ending::value;
        auto body = [&]() -> task<> {
            task_context& here = *task_context::current();
            co_await when_all_settled(waits(never, before), cancels(here), waits(never, after));
            co_await yield();
        };
        std::vector<task<>> one;
        one.push_back(body());
        co_await when_all_settled(std::move(one));
        CHECK(before == ending::cancelled);
        CHECK(after == ending::cancelled);
    });
}

TEST_CASE("join: of a vector, what a child did to its context does not reach the next one") {
    run_on_loop([]() -> task<> {
        task_context& here = *task_context::current();
        here.set_name("parent");
        std::vector<std::string> names;
        std::vector<bool> cancelled;
        std::vector<bool> stopped;
        std::vector<bool> deadlines;
        auto child = [&](bool cancels_itself) -> task<> {
            task_context& own = *task_context::current();
            names.emplace_back(own.name());
            cancelled.push_back(own.cancelled());
            deadlines.push_back(own.deadline() == here.deadline());
            const std::stop_token token = co_await current_stop_token();
            stopped.push_back(token.stop_requested());
            own.set_name("child");
            own.set_deadline(own.home().now());
            if (cancels_itself) own.request_cancel();
        };
        std::vector<task<>> children;
        for (int i = 0; i < 3; ++i)
            children.push_back(child(i != 1));
        co_await when_all(std::move(children));
        CHECK(names == std::vector<std::string>{"parent", "parent", "parent"});
        CHECK(cancelled == std::vector<bool>{false, false, false});
        CHECK(stopped == std::vector<bool>{false, false, false});
        CHECK(deadlines == std::vector<bool>{true, true, true});
    });
}

TEST_CASE("join: of a vector, children that wait and children that do not are all cancelled") {
    run_on_loop([]() -> task<> {
        event never;
        std::vector<int> log;
        auto waits_and_notes = [&](int number) -> task<> {
            const ending how = co_await tests::ends(as_task(never.wait()));
            log.push_back(how == ending::cancelled ? number : -number);
        };
        auto fails_later = []() -> task<> {
            co_await yield();
            throw std::runtime_error("late");
        };
        for (const bool at_once : {true, false}) {
            log.clear();
            std::vector<task<>> children;
            for (int i = 1; i <= 150; ++i) { // more than begin at once
                if (i == 75)
                    children.push_back(at_once ? throws() : fails_later());
                else
                    children.push_back(i % 3 == 0 ? tests::turns(0) : waits_and_notes(i));
            }
            const ending how = co_await tests::ends(when_all(std::move(children)));
            CHECK(how == ending::error);
            std::vector<int> all;
            for (int i = 1; i <= 150; ++i)
                if (i % 3 != 0) all.push_back(i);
            std::sort(log.begin(), log.end());
            CHECK(log == all);
        }
    });
}

TEST_CASE("join: of a vector, a first step that cancels the task that waits for it") {
    run_on_loop([]() -> task<> {
        event never;
        ending before = ending::value;
        ending after = ending::value;
        auto body = [&]() -> task<> {
            task_context& here = *task_context::current();
            std::vector<task<>> children;
            children.push_back(tests::turns(0));
            children.push_back(waits(never, before));
            children.push_back(cancels(here));
            children.push_back(waits(never, after));
            co_await when_all_settled(std::move(children));
            co_await yield();
        };
        std::vector<task<>> one;
        one.push_back(body());
        co_await when_all_settled(std::move(one));
        CHECK(before == ending::cancelled);
        CHECK(after == ending::cancelled);
    });
}
