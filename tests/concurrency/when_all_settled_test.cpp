#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all_settled.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <tuple>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<int> number_after(std::size_t n, int value) {
    co_await tests::turns(n);
    co_return value;
}

task<int> fail_after(std::size_t n) {
    co_await tests::turns(n);
    throw std::runtime_error("failed");
}

} // namespace

TEST_CASE("when_all_settled: a failure cancels nobody, void, move-only, references") {
    run_on_loop([]() -> task<> {
        int place = 4;
        auto refer = [&]() -> task<int&> { co_return place; };
        auto boxed = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
        auto all = co_await when_all_settled(fail_after(0), number_after(9, 1), tests::turns(3), refer(),
                                             boxed(), sleep_for(std::chrono::milliseconds(1)));
        CHECK_FALSE(std::get<0>(all).has_value());
        CHECK_FALSE(std::get<0>(all).cancelled());
        CHECK_THROWS_AS(std::get<0>(all).value(), std::runtime_error);
        CHECK(std::get<1>(all).value() == 1);
        CHECK(std::get<2>(all).has_value());
        CHECK(&std::get<3>(all).value().get() == &place);
        CHECK(**std::get<4>(all) == 5);
        CHECK(std::get<5>(all).has_value());
        const std::tuple<> none = co_await when_all_settled();
        static_cast<void>(none);
    });
}

TEST_CASE("when_all_settled: a vector, also an empty one") {
    run_on_loop([]() -> task<> {
        std::vector<task<int>> tasks;
        for (int i = 0; i < 100; ++i) {
            if (i % 3 == 0)
                tasks.push_back(fail_after(static_cast<std::size_t>(i % 5)));
            else
                tasks.push_back(number_after(static_cast<std::size_t>(i % 7), i));
        }
        std::vector<outcome<int>> all = co_await when_all_settled(std::move(tasks));
        REQUIRE(all.size() == 100);
        for (std::size_t i = 0; i < 100; ++i) {
            CHECK(all[i].has_value() == (i % 3 != 0));
            if (all[i]) CHECK(*all[i] == static_cast<int>(i));
        }
        std::vector<task<>> none;
        const std::vector<outcome<void>> nothing = co_await when_all_settled(std::move(none));
        CHECK(nothing.empty());
    });
}

TEST_CASE("when_all_settled: a cancellation loses no outcome, the caller's next operation tells it") {
    run_on_loop([]() -> task<> {
        bool first_kept = false;
        bool second_cancelled = false;
        ending next = ending::value;
        auto subject = [&]() -> task<> {
            auto both = co_await when_all_settled(number_after(1, 1), number_after(1'000'000, 2));
            first_kept = std::get<0>(both).has_value();
            second_cancelled = std::get<1>(both).cancelled();
            next = co_await tests::ends(tests::turns(1));
        };
        task_group group;
        group.spawn(std::ref(subject));
        co_await tests::turns(5);
        group.cancel();
        co_await group.join();
        CHECK(first_kept);
        CHECK(second_cancelled);
        CHECK(next == ending::cancelled);
    });
}

TEST_CASE("when_all_settled: cancelled at every suspension, nothing keeps running") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        int running = 0;
        auto child = [&](std::size_t n) -> task<> {
            ++running;
            const ending how = co_await tests::ends(tests::turns(n));
            --running;
            if (how != ending::value) throw operation_cancelled();
        };
        auto scenario = [&]() -> task<> {
            std::vector<task<>> more;
            more.push_back(child(2));
            more.push_back(child(6));
            static_cast<void>(
                co_await when_all_settled(child(3), when_all_settled(std::move(more)), child(1)));
            CHECK(running == 0);
            co_await tests::turns(2);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(running == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 8);
}
