#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <list>
#include <memory>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

std::vector<int> up_to(int n) {
    std::vector<int> v;
    for (int i = 0; i < n; ++i)
        v.push_back(i);
    return v;
}

} // namespace

TEST_CASE("concurrent_map: results in order, at most `limit` at a time") {
    for (const std::size_t limit : std::vector<std::size_t>{0, 1, 3, 64, 1000}) {
        std::size_t now = 0;
        std::size_t most = 0;
        std::vector<int> begun;
        const std::vector<int> results = run_on_loop([&]() -> task<std::vector<int>> {
            auto square = [&](int x) -> task<int> {
                begun.push_back(x);
                most = std::max(most, ++now);
                co_await tests::turns(static_cast<std::size_t>(x % 5 + 1));
                --now;
                co_return x* x;
            };
            co_return co_await concurrent_map(up_to(200), limit, square);
        });
        REQUIRE(results.size() == 200);
        for (int i = 0; i < 200; ++i)
            CHECK(results[static_cast<std::size_t>(i)] == i * i);
        CHECK(most == std::min<std::size_t>(std::max<std::size_t>(limit, 1), 200));
        CHECK(begun == up_to(200));
    }
}

TEST_CASE("concurrent_map: empty ranges, lvalue ranges, moved ranges, other ranges") {
    run_on_loop([]() -> task<> {
        auto twice = [](int x) -> task<int> { co_return 2 * x; };
        const auto none = co_await concurrent_map(std::vector<int>(), 4, twice);
        CHECK(none.empty());
        auto unused = [](int) -> task<> { co_return; };
        co_await concurrent_for_each(std::vector<int>(), 0, unused);

        std::vector<int> values = up_to(5);
        auto bump = [](int& x) -> task<int> {
            co_await yield();
            co_return ++x;
        };
        const auto bumped = co_await concurrent_map(values, 2, bump);
        CHECK(values == std::vector<int>{1, 2, 3, 4, 5});
        CHECK(bumped == values);

        std::vector<std::unique_ptr<int>> boxes;
        for (int i = 0; i < 5; ++i)
            boxes.push_back(std::make_unique<int>(i));
        auto pass = [](std::unique_ptr<int> b) -> task<std::unique_ptr<int>> {
            co_await yield();
            ++*b;
            co_return b;
        };
        const auto passed = co_await concurrent_map(std::move(boxes), 3, pass);
        REQUIRE(passed.size() == 5);
        CHECK(*passed[4] == 5);

        const std::list<std::string> words(3, "abc");
        auto length = [](const std::string& s) -> task<std::size_t> { co_return s.size(); };
        const auto lengths = co_await concurrent_map(words, 2, length);
        CHECK(lengths == std::vector<std::size_t>{3, 3, 3});

        const auto counted = co_await concurrent_map(std::views::iota(0, 10), 4, twice);
        CHECK(counted.size() == 10);
        CHECK(counted[9] == 18);

        auto small = values | std::views::take_while([](int x) { return x < 3; }); // its end is a sentinel
        const auto of_view = co_await concurrent_map(small, 4, bump);
        CHECK(of_view.size() == 2);

        std::istringstream text("1 2 3 4");
        auto numbers = std::views::istream<int>(text); // an input range
        const auto read = co_await concurrent_map(numbers, 2, twice);
        CHECK(read == std::vector<int>{2, 4, 6, 8});

        std::vector<std::string> texts(4, std::string(100, 'x'));
        auto consume = [](std::string s) -> task<std::size_t> { co_return s.size(); };
        const auto sizes = co_await concurrent_map(std::span<std::string>(texts), 2, consume);
        CHECK(sizes == std::vector<std::size_t>(4, 100));
        CHECK(texts == std::vector<std::string>(4, std::string(100, 'x'))); // a view owns nothing

        auto self = [](std::string& s) -> task<std::string&> { co_return s; };
        const auto references = co_await concurrent_map(texts, 2, self);
        CHECK(&references[3].get() == &texts[3]);

        auto flag = [](int x) -> task<bool> { co_return x % 2 == 0; };
        const auto flags = co_await concurrent_map(up_to(3), 2, flag);
        CHECK((flags[0] && !flags[1] && flags[2]));
    });
}

TEST_CASE("concurrent_map: the first failure cancels the others, nothing more is begun") {
    for (int bad = 0; bad < 4; ++bad) {
        std::vector<int> begun;
        std::size_t running = 0;
        std::string what;
        run_on_loop([&]() -> task<> {
            event never;
            auto work = [&](int x) -> task<> {
                begun.push_back(x);
                ++running;
                if (x == bad) {
                    co_await tests::turns(2);
                    --running;
                    throw std::runtime_error("element " + std::to_string(x));
                }
                // Completes in spite of the cancellation, as an offloaded call would.
                static_cast<void>(co_await tests::ends(as_task(never.wait())));
                --running;
            };
            what = co_await tests::message_of(concurrent_for_each(up_to(100), 4, work));
            CHECK(running == 0);
        });
        CHECK(what == "element " + std::to_string(bad));
        CHECK(begun == up_to(4));
    }
}

TEST_CASE("concurrent_map: a callable that throws before it gives a task") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto work = [&](int x) -> task<> {
            ++calls;
            if (x == 2) throw std::runtime_error("no task");
            return tests::turns(3);
        };
        const std::string what = co_await tests::message_of(concurrent_for_each(up_to(50), 8, work));
        CHECK(what == "no task");
        CHECK(calls <= 8);
    });
}

TEST_CASE("concurrent_map: cancelled at every suspension it gives all results or throws") {
    for (const bool ignores : std::vector<bool>{false, true}) {
        const std::size_t cancelled = run_on_loop([ignores]() -> task<std::size_t> {
            int running = 0;
            std::size_t results = 0;
            auto work = [&](int x) -> task<int> {
                ++running;
                const ending how = co_await tests::ends(tests::turns(static_cast<std::size_t>(x % 3)));
                --running;
                if (how != ending::value && !ignores) throw operation_cancelled();
                co_return x;
            };
            auto scenario = [&]() -> task<> {
                results = 0;
                const auto all = co_await concurrent_map(up_to(12), 4, work);
                results = all.size();
                CHECK(results == 12); // never a part
            };
            auto check = [&](ending how) {
                CHECK((how == ending::value || how == ending::cancelled));
                CHECK((how == ending::cancelled || results == 12));
                CHECK(running == 0);
            };
            co_return co_await tests::cancel_everywhere(scenario, check);
        });
        CHECK(cancelled >= 6);
    }
}

TEST_CASE("concurrent_map: 100,000 elements that complete at once, in constant stack") {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    std::size_t calls = 0;
    const std::size_t n = tests::repeat(100'000, 20'000);
    run_on_loop([&]() -> task<> {
        auto work = [&](std::size_t) -> task<> {
            last = tests::stack_position();
            if (first == 0) first = last;
            ++calls;
            co_return;
        };
        co_await concurrent_for_each(std::views::iota(std::size_t{0}, n), 16, work);
    });
    CHECK(calls == n);
    CHECK(tests::apart(first, last) < 4096);
}

namespace {

task<std::string> first_word_of(const std::string& text) {
    co_await yield();
    co_return text.substr(0, text.find(' '));
}
std::string long_text(int number) {
    return std::to_string(number) + " is the number that this long text begins with";
}
task<> stop_at_ten(int number) {
    co_await yield();
    if (number == 10) throw std::out_of_range("ten");
}

} // namespace

TEST_CASE("concurrent_map: f takes by reference what the range makes on the fly") {
    auto texts = std::views::iota(7, 12) | std::views::transform(long_text);
    const auto words = tests::run_on_loop(concurrent_map(texts, 3, first_word_of));
    CHECK(words == std::vector<std::string>{"7", "8", "9", "10", "11"});
}

TEST_CASE("concurrent_map: f takes by reference what an input range lends for one step") {
    std::istringstream input("alpha beta gamma");
    auto read = std::views::istream<std::string>(input);
    const auto words = tests::run_on_loop(concurrent_map(read, 3, first_word_of));
    CHECK(words == std::vector<std::string>{"alpha", "beta", "gamma"});
}

TEST_CASE("concurrent_for_each: an endless range is begun, and left at the first failure") {
    CHECK_THROWS_AS(tests::run_on_loop(concurrent_for_each(std::views::iota(0), 4, stop_at_ten)),
                    std::out_of_range);
}

TEST_CASE("concurrent_map: a limit of any size costs what is used of it") {
    run_on_loop([]() -> task<> {
        constexpr std::size_t no_limit = static_cast<std::size_t>(-1);
        auto square = [](int n) -> task<int> {
            co_await yield();
            co_return n* n;
        };
        const auto squares = co_await concurrent_map(up_to(100), no_limit, square);
        REQUIRE(squares.size() == 100);
        CHECK(squares[99] == 99 * 99);

        // A range that is not known before it is read.
        std::istringstream text("1 2 3 4 5");
        const auto read = co_await concurrent_map(std::ranges::istream_view<int>(text), no_limit, square);
        CHECK(read == std::vector<int>{1, 4, 9, 16, 25});
    });
}

TEST_CASE("concurrent_map: workers are made as they are needed") {
    run_on_loop([]() -> task<> {
        std::set<const task_context*> workers;
        auto at_once = [&workers](int) -> task<> {
            workers.insert(task_context::current());
            co_return;
        };
        co_await concurrent_for_each(up_to(5'000), 5'000, at_once);
        CHECK(workers.size() <= detail::crew::most_at_first);
        // When all are busy there are more of them.
        workers.clear();
        event go_on;
        auto waits = [&](int) -> task<> {
            workers.insert(task_context::current());
            if (workers.size() == 2'000) go_on.set();
            co_await go_on.wait();
        };
        co_await concurrent_for_each(up_to(5'000), 2'000, waits);
        CHECK(workers.size() == 2'000);
    });
}
