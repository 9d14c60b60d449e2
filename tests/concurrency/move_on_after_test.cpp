#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<int> forever() {
    event never;
    co_await never.wait();
    co_return 1;
}

} // namespace

TEST_CASE("move_on_after: a result in time, or nothing") {
    run_on_loop([]() -> task<> {
        auto boxed = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(6); };
        std::optional<std::unique_ptr<int>> box = co_await move_on_after(1h, boxed());
        CHECK(**box == 6);
        int place = 1;
        auto refer = [&]() -> task<int&> { co_return place; };
        const auto r = co_await move_on_after(1h, refer());
        CHECK(&r->get() == &place);
        const bool done = co_await move_on_after(1h, yield());
        CHECK(done);

        const std::optional<int> late = co_await move_on_after(1ms, forever());
        CHECK_FALSE(late);
        event never;
        const bool set = co_await move_on_after(1ms, never.wait());
        CHECK_FALSE(set);
        const bool none_left = co_await move_on_after(-1h, never.wait());
        CHECK_FALSE(none_left);
        auto add = [](int a, int b) -> task<int> { co_return a + b; };
        const std::optional<int> sum = co_await move_on_after(1h, add, 2, 3);
        CHECK(*sum == 5);
        // This task itself was not cancelled.
        const ending after = co_await tests::ends(tests::turns(1));
        CHECK(after == ending::value);
    });
}

TEST_CASE("move_on_after: exceptions, a timeout of the child's own, a late value") {
    run_on_loop([]() -> task<> {
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("own");
        };
        const std::string what = co_await tests::message_of(move_on_after(1h, fails()));
        CHECK(what == "own");
        const ending inner = co_await tests::ends(move_on_after(1h, with_timeout(1ms, forever())));
        CHECK(inner == ending::timeout);
        const ending outer = co_await tests::ends(with_timeout(1ms, move_on_after(1h, forever())));
        CHECK(outer == ending::timeout);
        auto stubborn = []() -> task<int> {
            static_cast<void>(co_await tests::ends(forever()));
            co_return 8;
        };
        const std::optional<int> value = co_await move_on_after(1ms, stubborn());
        CHECK(*value == 8);
    });
}

TEST_CASE("move_on_after: cancellation from outside is not taken for a lack of time") {
    int quiet = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        auto scenario = [&]() -> task<> {
            event never;
            const bool done = co_await move_on_after(1h, tests::turns(6));
            if (!done) ++quiet;
        };
        auto check = [](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 6);
    CHECK(quiet == 0);
}
