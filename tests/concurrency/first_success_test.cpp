#include <tandem/concurrency/first_success.hpp>
#include <tandem/concurrency/task_group.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

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

} // namespace

TEST_CASE(
    "first_success: failures do not end the race, the first value does, losers are cancelled and awaited") {
    run_on_loop([]() -> task<> {
        ending loser = ending::value;
        auto loses = [&]() -> task<int> {
            loser = co_await tests::ends(tests::turns(1'000'000));
            co_await tests::turns(1); // throws
            co_return 0;
        };
        const int five = co_await first_success(fail_after(0, "a"), number_after(4, 5), loses());
        CHECK(five == 5);
        CHECK(loser == ending::cancelled);

        auto stubborn = [](std::size_t n, int value) -> task<int> {
            static_cast<void>(co_await tests::ends(tests::turns(n)));
            co_return value;
        };
        const int first = co_await first_success(stubborn(9, 1), number_after(2, 2)); // 1 is dropped
        CHECK(first == 2);
        const int only = co_await first_success(number_after(0, 7));
        CHECK(only == 7);
        co_await first_success(tests::turns(3), tests::turns(1)); // void
        auto boxed = [](int n) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(n); };
        const std::unique_ptr<int> box = co_await first_success(boxed(1), boxed(2));
        CHECK(*box == 1);
        int place = 0;
        auto refer = [&]() -> task<int&> { co_return place; };
        int& referred = co_await first_success(refer(), refer());
        CHECK(&referred == &place);
    });
}

TEST_CASE("first_success: all failed, in the order given, an empty vector") {
    run_on_loop([]() -> task<> {
        std::vector<std::string> what;
        try {
            static_cast<void>(
                co_await first_success(fail_after(5, "late"), fail_after(1, "early"), fail_after(3, "mid")));
        } catch (const aggregate_error& e) {
            for (const std::exception_ptr& error : e.errors())
                what.push_back(describe(error));
        }
        REQUIRE(what.size() == 3);
        CHECK(what[0].find("late") != std::string::npos);
        CHECK(what[1].find("early") != std::string::npos);
        CHECK(what[2].find("mid") != std::string::npos);

        std::vector<task<int>> none;
        const std::string empty = co_await tests::message_of(first_success(std::move(none)));
        CHECK(empty == "first_success: none of 0 succeeded");

        std::vector<task<int>> many;
        for (int i = 0; i < 50; ++i)
            many.push_back(i == 30 ? number_after(5, 30) : fail_after(static_cast<std::size_t>(i % 4), "x"));
        const int thirty = co_await first_success(std::move(many));
        CHECK(thirty == 30);
    });
}

TEST_CASE("first_success: cancelled at every suspension, nothing keeps running") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        int running = 0;
        auto child = [&](std::size_t n, bool good) -> task<int> {
            ++running;
            const ending how = co_await tests::ends(tests::turns(n));
            --running;
            if (how != ending::value) throw operation_cancelled();
            if (!good) throw std::runtime_error("bad");
            co_return 1;
        };
        auto scenario = [&]() -> task<> {
            auto inner = [&]() -> task<int> { return first_success(child(2, false), child(5, true)); };
            const int one = co_await first_success(inner(), child(1, false), child(9, true));
            CHECK(one == 1);
            CHECK(running == 0);
            co_await tests::turns(2);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(running == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 6);
}
