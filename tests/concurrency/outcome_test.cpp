#include <tandem/concurrency/outcome.hpp>

#include "tests/support/catch.hpp"

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

using tandem::outcome;

TEST_CASE("outcome: a value") {
    outcome<std::unique_ptr<int>> o(std::make_unique<int>(4));
    CHECK(o);
    CHECK(o.has_value());
    CHECK_FALSE(o.cancelled());
    CHECK(o.failure() == nullptr);
    CHECK(**o == 4);
    CHECK(*o->get() == 4);
    const std::unique_ptr<int> taken = std::move(o).value();
    CHECK(*taken == 4);
}

TEST_CASE("outcome: a failure and a cancellation are told apart") {
    outcome<int> failed(std::make_exception_ptr(std::runtime_error("x")));
    CHECK_FALSE(failed);
    CHECK_FALSE(failed.cancelled());
    CHECK_THROWS_AS(failed.value(), std::runtime_error);
    CHECK_THROWS_AS(failed.value(), std::runtime_error); // as often as asked
    outcome<int> cancelled(std::make_exception_ptr(tandem::operation_cancelled()));
    CHECK(cancelled.cancelled());
    CHECK_THROWS_AS(cancelled.value(), tandem::operation_cancelled);
    outcome<int> late(std::make_exception_ptr(tandem::timeout_error("late")));
    CHECK_FALSE(late.cancelled());
}

TEST_CASE("outcome: of void") {
    outcome<void> done{std::monostate()};
    CHECK(done.has_value());
    done.value();
}

TEST_CASE("outcome: a const one can be looked at") {
    const outcome<std::string> good(std::string("value"));
    CHECK(good.value() == "value");
    CHECK(*good == "value");
    CHECK(good->size() == 5);
    const outcome<std::string> bad(std::make_exception_ptr(std::runtime_error("failure")));
    CHECK_THROWS_AS(bad.value(), std::runtime_error);
}
