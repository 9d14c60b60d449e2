#include <tandem/concurrency/aggregate_error.hpp>

#include "tests/support/catch.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using namespace tandem;

TEST_CASE("aggregate_error: holds every exception and tells all messages") {
    std::vector<std::exception_ptr> failures;
    failures.push_back(std::make_exception_ptr(std::runtime_error("red")));
    failures.push_back(std::make_exception_ptr(std::logic_error("green")));
    failures.push_back(std::make_exception_ptr(7));
    const aggregate_error error("3 of 4 failed", failures);
    const aggregate_error copy = error;
    CHECK(copy.errors() == failures);
    const std::string text = copy.what();
    CHECK(text.find("3 of 4 failed: (1) ") == 0);
    CHECK(text.find("red; (2) ") != std::string::npos);
    CHECK(text.find("green; (3) ") != std::string::npos);
}

TEST_CASE("aggregate_error: the message does not grow with thousands of failures") {
    const std::vector<std::exception_ptr> failures(5000,
                                                   std::make_exception_ptr(std::runtime_error("again")));
    const aggregate_error error("all failed", failures);
    const std::string text = error.what();
    CHECK(text.size() < 1000);
    CHECK(text.find("and 4984 more") != std::string::npos);
    CHECK(error.errors().size() == 5000);
    CHECK(std::string(aggregate_error("none", {}).what()) == "none");
}
