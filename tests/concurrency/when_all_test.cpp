#include <tandem/concurrency/when_all.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <string>
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

task<> fail_after(std::size_t n, const char* what) {
    co_await tests::turns(n);
    throw std::runtime_error(what);
}

task<std::unique_ptr<int>> boxed(int value) {
    co_await yield();
    co_return std::make_unique<int>(value);
}

task<int&> refer(int& value) {
    co_await yield();
    co_return value;
}

} // namespace

TEST_CASE("when_all: results in the order of the arguments, void as monostate, move-only, references") {
    run_on_loop([]() -> task<> {
        int place = 7;
        auto all = co_await when_all(number_after(5, 1), tests::turns(2), boxed(3), number_after(0, 4),
                                     refer(place));
        static_assert(std::is_same_v<std::tuple_element_t<1, decltype(all)>, std::monostate>);
        static_assert(std::is_same_v<std::tuple_element_t<4, decltype(all)>, int&>);
        CHECK(std::get<0>(all) == 1);
        CHECK(*std::get<2>(all) == 3);
        CHECK(std::get<3>(all) == 4);
        CHECK(&std::get<4>(all) == &place);
        co_await when_all(tests::turns(1), tests::turns(3)); // all void: void
        co_await when_all();
    });
}

TEST_CASE("when_all: a vector, also an empty one, also of void, bool and move-only results") {
    run_on_loop([]() -> task<> {
        std::vector<task<int>> numbers;
        for (int i = 0; i < 100; ++i)
            numbers.push_back(number_after(static_cast<std::size_t>((100 - i) % 7), i));
        const std::vector<int> all = co_await when_all(std::move(numbers));
        REQUIRE(all.size() == 100);
        for (int i = 0; i < 100; ++i)
            CHECK(all[static_cast<std::size_t>(i)] == i);

        std::vector<task<int>> none;
        const std::vector<int> nothing = co_await when_all(std::move(none));
        CHECK(nothing.empty());
        std::vector<task<>> no_voids;
        co_await when_all(std::move(no_voids));

        std::vector<task<std::unique_ptr<int>>> boxes;
        boxes.push_back(boxed(1));
        boxes.push_back(boxed(2));
        const auto opened = co_await when_all(std::move(boxes));
        CHECK(*opened[1] == 2);

        auto truth = [](bool b) -> task<bool> { co_return b; };
        std::vector<task<bool>> flags;
        flags.push_back(truth(true));
        flags.push_back(truth(false));
        const std::vector<bool> bits = co_await when_all(std::move(flags));
        CHECK((bits[0] && !bits[1]));

        int places[2] = {1, 2};
        std::vector<task<int&>> references;
        references.push_back(refer(places[0]));
        references.push_back(refer(places[1]));
        const auto referred = co_await when_all(std::move(references));
        CHECK(&referred[1].get() == &places[1]);

        std::vector<task<>> voids;
        voids.push_back(tests::turns(1));
        voids.push_back(tests::turns(2));
        co_await when_all(std::move(voids));
    });
}

TEST_CASE("when_all: takes any awaitable") {
    run_on_loop([]() -> task<> {
        event e(true);
        co_await when_all(e.wait(), yield(), sleep_for(std::chrono::nanoseconds(0)), std::suspend_never());
    });
}

TEST_CASE(
    "when_all: an exception from each position cancels the others and is rethrown when they have ended") {
    for (std::size_t position = 0; position < 3; ++position) {
        run_on_loop([position]() -> task<> {
            std::size_t cancelled = 0;
            bool early = false;
            auto child = [&](std::size_t me) -> task<int> {
                if (me == position) co_await fail_after(2, "this one");
                const ending how = co_await tests::ends(tests::turns(1'000'000));
                if (how == ending::cancelled) ++cancelled;
                co_return 1;
            };
            std::string what;
            try {
                static_cast<void>(co_await when_all(child(0), child(1), child(2)));
                early = true;
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            CHECK_FALSE(early);
            CHECK(what == "this one");
            CHECK(cancelled == 2);
        });
    }
}

TEST_CASE("when_all: of several failures the first is rethrown") {
    run_on_loop([]() -> task<> {
        const std::string what = co_await tests::message_of(
            when_all(fail_after(3, "third"), fail_after(1, "first"), fail_after(1, "second")));
        CHECK(what == "first");
        std::vector<task<>> tasks;
        tasks.push_back(fail_after(1, "a"));
        tasks.push_back(fail_after(0, "b"));
        const std::string from_vector = co_await tests::message_of(when_all(std::move(tasks)));
        CHECK(from_vector == "b");
    });
}

TEST_CASE("when_all: cancelled at every suspension, it ends after its children") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        int running = 0;
        auto child = [&](std::size_t n) -> task<> {
            ++running;
            const ending how = co_await tests::ends(tests::turns(n));
            // Cleaning up takes time; a cancelled task cannot wait, but it can be seen to run.
            --running;
            if (how != ending::value) throw operation_cancelled();
        };
        auto scenario = [&]() -> task<> {
            co_await when_all(child(1), child(4), when_all(child(2), child(3)));
            CHECK(running == 0);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(running == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 10);
}

TEST_CASE("when_all: children that ignore cancellation hand their values over") {
    run_on_loop([]() -> task<> {
        event go;
        auto stubborn = [&](int value) -> task<int> {
            static_cast<void>(co_await tests::ends(as_task(go.wait())));
            co_return value;
        };
        int sum = 0;
        ending after = ending::value;
        auto outer = [&]() -> task<> {
            auto all = co_await when_all(stubborn(1), stubborn(2));
            sum = std::get<0>(all) + std::get<1>(all);
            after = co_await tests::ends(tests::turns(1));
        };
        tandem::detail::child<void> subject(outer());
        auto driver = [&]() -> task<> {
            co_await tests::turns(3);
            subject.request_cancel();
        };
        tandem::detail::child<void> other(driver());
        tandem::detail::join both(tandem::detail::join_policy::wait, "test");
        both.add(subject);
        both.add(other);
        co_await both;
        CHECK(sum == 3);
        CHECK(after == ending::cancelled);
    });
}

TEST_CASE("when_all: unstarted tasks of a when_all that is dropped are destroyed") {
    auto token = std::make_shared<int>(1);
    auto hold = [](std::shared_ptr<int> t) -> task<> {
        co_await yield();
        static_cast<void>(t);
    };
    {
        auto dropped = when_all(hold(token), hold(token));
        CHECK(token.use_count() > 1);
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("when_all: a million joins run in constant stack") {
    const std::size_t rounds = tests::repeat(1'000'000, 100'000);
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    run_on_loop([&]() -> task<> {
        auto child = [&]() -> task<> {
            last = tests::stack_position();
            if (first == 0) first = last;
            co_return;
        };
        for (std::size_t i = 0; i < rounds; ++i)
            co_await when_all(child(), child());
    });
    CHECK(tests::apart(first, last) < 4096);
}
