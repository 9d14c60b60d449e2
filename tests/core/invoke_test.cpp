#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/invoke.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <functional>
#include <memory>
#include <string>

using namespace tandem;
using tests::run_on_loop;

namespace {

class counter {
public:
    explicit counter(int start) noexcept : value(start) {}
    task<int> add(int n) {
        co_await yield();
        co_return value += n;
    }
    int value;
};

task<std::string> join_text(std::string a, const std::string& b) {
    co_await yield();
    co_return a + b;
}

} // namespace

TEST_CASE("invoke: the callable and its arguments live in the task") {
    auto make = []() -> task<int> {
        auto owned = std::make_unique<int>(20);
        auto closure = [owned = std::move(owned)](std::unique_ptr<int> argument) -> task<int> {
            co_await tests::turns(3);
            co_return *owned + *argument;
        };
        return tandem::invoke(std::move(closure), std::make_unique<int>(22)); // both are gone from here
    };
    CHECK(run_on_loop(make()) == 42);
    CHECK(run_on_loop(tandem::invoke(join_text, "left ", std::string("right"))) == "left right");
}

TEST_CASE("invoke: std::ref passes a reference, a member function its object, any awaitable is taken") {
    counter c(1);
    CHECK(run_on_loop(tandem::invoke(&counter::add, std::ref(c), 4)) == 5);
    CHECK(run_on_loop(tandem::invoke(&counter::add, &c, 1)) == 6);
    CHECK(c.value == 6);
    run_on_loop(tandem::invoke([] { return yield(); }));
    int place = 0;
    auto refer = [](int& r) -> task<int&> { co_return r; };
    int& r = run_on_loop(tandem::invoke(refer, std::ref(place)));
    CHECK(&r == &place);
}

TEST_CASE("invoke: an unstarted one destroys what it owns, what the callable throws leaves the task") {
    auto token = std::make_shared<int>(1);
    {
        auto dropped = tandem::invoke([](std::shared_ptr<int>) -> task<> { co_return; }, token);
        CHECK(token.use_count() == 2);
    }
    CHECK(token.use_count() == 1);
    auto throws = []() -> task<> { throw std::runtime_error("no task made"); };
    CHECK_THROWS_AS(run_on_loop(tandem::invoke(throws)), std::runtime_error);
    static_assert(invocable_task<decltype(throws)>);
    static_assert(!invocable_task<int (*)()>);
}
