#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
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

// Completes in spite of a cancellation.
task<int> stubborn(std::size_t n, int value) {
    static_cast<void>(co_await tests::ends(tests::turns(n)));
    co_return value;
}

} // namespace

TEST_CASE("when_any: the first one wins from each position, the others are cancelled") {
    for (std::size_t winner = 0; winner < 3; ++winner) {
        run_on_loop([winner]() -> task<> {
            auto delay = [winner](std::size_t me) -> std::size_t { return me == winner ? 2 : 1'000'000; };
            auto race = co_await when_any(number_after(delay(0), 0), number_after(delay(1), 1),
                                          number_after(delay(2), 2));
            CHECK(race.index() == winner);
            CHECK(race.get<0>().has_value() == (winner == 0));
            CHECK(race.get<1>().has_value() == (winner == 1));
            CHECK(race.get<2>().has_value() == (winner == 2));
            CHECK(race.get<0>().cancelled() == (winner != 0));
            CHECK(race.get<2>().cancelled() == (winner != 2));
            if (winner == 1) CHECK(race.get<1>().value() == 1);
            if (winner != 0) CHECK_THROWS_AS(race.get<0>().value(), operation_cancelled);
        });
    }
}

TEST_CASE("when_any: a loser that completed hands its value over") {
    run_on_loop([]() -> task<> {
        auto race = co_await when_any(stubborn(1000, 5), number_after(1, 6), tests::turns(2));
        CHECK(race.index() == 1);
        REQUIRE(race.get<0>().has_value());
        CHECK(race.get<0>().value() == 5);
        CHECK(*race.get<1>() == 6);
        // Both would end in the same turn; the second is told in its yield, and has a value all the same.
        auto tie = co_await when_any(stubborn(2, 1), stubborn(2, 2));
        CHECK(tie.index() == 0);
        CHECK(tie.get<0>().has_value());
        CHECK(tie.get<1>().has_value());
    });
}

TEST_CASE("when_any: a failure that comes first ends the race and is in its outcome") {
    run_on_loop([]() -> task<> {
        auto race = co_await when_any(fail_after(1), number_after(1000, 1));
        CHECK(race.index() == 0);
        CHECK_FALSE(race.get<0>().has_value());
        CHECK_FALSE(race.get<0>().cancelled());
        CHECK_THROWS_AS(race.get<0>().value(), std::runtime_error);
        CHECK(race.get<1>().cancelled());
    });
}

TEST_CASE("when_any: move-only results and void") {
    run_on_loop([]() -> task<> {
        auto boxed = [](int value) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(value); };
        auto race = co_await when_any(boxed(1), tests::turns(3));
        std::unique_ptr<int> taken = std::move(race.get<0>().value());
        CHECK(*taken == 1);
        int place = 4;
        auto refer = [&place]() -> task<int&> { co_return place; };
        auto by_reference = co_await when_any(refer(), tests::turns(3));
        CHECK(&by_reference.get<0>().value().get() == &place);
        auto other = co_await when_any(tests::turns(0), boxed(2));
        CHECK(other.index() == 0);
        CHECK(other.get<0>().has_value());
        CHECK(other.get<1>().has_value()); // it was queued and did not wait
    });
}

TEST_CASE("when_any: a vector, one element, none") {
    run_on_loop([]() -> task<> {
        std::vector<task<int>> tasks;
        for (int i = 0; i < 50; ++i)
            tasks.push_back(number_after(i == 33 ? 1 : 1'000'000, i));
        auto race = co_await when_any(std::move(tasks));
        CHECK(race.index == 33);
        REQUIRE(race.outcomes.size() == 50);
        CHECK(race.outcomes[33].value() == 33);
        for (std::size_t i = 0; i < 50; ++i)
            CHECK(race.outcomes[i].has_value() == (i == 33));

        std::vector<task<int>> one;
        one.push_back(fail_after(0));
        auto single = co_await when_any(std::move(one));
        CHECK(single.index == 0);
        CHECK_FALSE(single.outcomes[0].has_value());

        std::vector<task<int>> none;
        auto empty = co_await when_any(std::move(none));
        CHECK(empty.index == npos);
        CHECK(empty.outcomes.empty());
    });
}

TEST_CASE(
    "when_any: cancelled from outside it throws operation_cancelled, unless a child completed with a value") {
    run_on_loop([]() -> task<> {
        const auto first = [](task<> inner) -> task<ending> {
            tandem::detail::child<void> subject(std::move(inner));
            auto driver = [&]() -> task<> {
                co_await tests::turns(3);
                subject.request_cancel();
            };
            tandem::detail::child<void> other(driver());
            tandem::detail::join both(tandem::detail::join_policy::wait, "test");
            both.add(subject);
            both.add(other);
            co_await both;
            co_return tests::ending_of(subject.failure());
        };
        auto waits = []() -> task<> { static_cast<void>(co_await when_any(sleep_for(1h), sleep_for(2h))); };
        auto has_value = []() -> task<> {
            auto race = co_await when_any(sleep_for(1h), stubborn(1000, 3));
            if (race.get<1>().value() != 3) throw std::runtime_error("lost");
        };
        const ending none = co_await first(waits());
        const ending one = co_await first(has_value());
        CHECK(none == ending::cancelled);
        CHECK(one == ending::value);
    });
}

TEST_CASE("when_any: cancelled at every suspension, nothing keeps running") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        int running = 0;
        auto child = [&](std::size_t n) -> task<> {
            ++running;
            const ending how = co_await tests::ends(tests::turns(n));
            --running;
            if (how != ending::value) throw operation_cancelled();
        };
        auto race = [&](std::size_t n) -> task<> {
            static_cast<void>(co_await when_any(child(n), child(n + 1)));
        };
        auto scenario = [&]() -> task<> {
            static_cast<void>(co_await when_any(race(3), race(5), child(8)));
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

TEST_CASE("when_any: 3,000 items received beside a timer, none is lost and none comes twice") {
    constexpr int items = 3'000;
    for (const std::size_t loops : std::vector<std::size_t>{1, 2}) {
        for (const std::size_t capacity : std::vector<std::size_t>{0, 1, 16}) {
            runtime rt(tests::loops(loops));
            rt.run([&]() -> task<> {
                channel<int> items_in_order(capacity);
                auto produce = [&]() -> task<> {
                    for (int i = 0; i < items; ++i) {
                        static_cast<void>(co_await items_in_order.send(int(i)));
                        if (i % 100 == 0) co_await sleep_for(1ms);
                        if (i % 7 == 0) co_await tests::turns(3);
                    }
                    items_in_order.close();
                };
                std::size_t timers = 0;
                std::vector<int> received;
                auto consume = [&]() -> task<> {
                    for (bool open = true; open;) {
                        // Zero: the timer fires in the next turn, most often at the same time as the item.
                        const auto limit = received.size() % 3 == 0 ? 0ms : 1ms;
                        auto race = co_await when_any(items_in_order.receive(), sleep_for(limit));
                        if (race.index() == 1) ++timers;
                        if (!race.get<0>().has_value()) continue;
                        const std::optional<int> item = race.get<0>().value();
                        if (item)
                            received.push_back(*item);
                        else
                            open = false;
                    }
                };
                rt.spawn(produce(), loops - 1);
                co_await consume();
                REQUIRE(received.size() == items);
                for (int i = 0; i < items; ++i)
                    REQUIRE(received[static_cast<std::size_t>(i)] == i);
                CHECK(timers > 0);
            });
        }
    }
}
