#include <tandem/core/error.hpp>

#include "tests/support/catch.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;

namespace {
class odd_thing {};
} // namespace

TEST_CASE("error: codes as documented") {
    const operation_cancelled cancelled;
    CHECK(cancelled.code() == boost::asio::error::operation_aborted);
    CHECK(cancelled.code() == boost::system::errc::operation_canceled);
    const operation_cancelled named("the wait for a test");
    CHECK(std::string(named.what()).find("the wait for a test") != std::string::npos);
    const timeout_error late(1500ms);
    CHECK(late.code() == boost::system::errc::timed_out);
    CHECK(std::string(late.what()).find("1.5 s") != std::string::npos);
    CHECK(std::string(timeout_error(2s).what()).find("2 s") != std::string::npos);
    CHECK(std::string(timeout_error(1ms).what()).find("0.001 s") != std::string::npos);
    const system_error& as_base = late;
    CHECK(as_base.code() == boost::system::errc::timed_out);
}

TEST_CASE("error: a timeout tells a negative limit, too") {
    CHECK(std::string(timeout_error(-1500ms).what()).find("within -1.5 s") != std::string::npos);
    CHECK(std::string(timeout_error(-2s).what()).find("within -2 s") != std::string::npos);
    CHECK(std::string(timeout_error(-1ms).what()).find("within -0.001 s") != std::string::npos);
    CHECK(std::string(timeout_error(-1us).what()).find("within 0 s") != std::string::npos);
    CHECK(
        std::string(timeout_error(std::chrono::nanoseconds::min()).what()).find("within -9223372036.854 s") !=
        std::string::npos);
    CHECK(
        std::string(timeout_error(std::chrono::nanoseconds::max()).what()).find("within 9223372036.854 s") !=
        std::string::npos);
}

TEST_CASE("error: cancellation is told apart from timeouts and aborted operations") {
    CHECK(is_cancellation(std::make_exception_ptr(operation_cancelled())));
    CHECK_FALSE(is_cancellation(nullptr));
    CHECK_FALSE(is_cancellation(std::make_exception_ptr(timeout_error(1s))));
    CHECK_FALSE(is_cancellation(std::make_exception_ptr(std::runtime_error("x"))));
    CHECK_FALSE(
        is_cancellation(std::make_exception_ptr(system_error(boost::asio::error::operation_aborted))));
    CHECK_FALSE(is_cancellation(std::make_exception_ptr(1)));
}

TEST_CASE("error: describe gives type and message") {
    CHECK(describe(std::make_exception_ptr(std::runtime_error("no such page"))) ==
          "std::runtime_error: no such page");
    CHECK(describe(std::make_exception_ptr(odd_thing())).find("odd_thing") != std::string::npos);
    CHECK(describe(std::make_exception_ptr(5)) == "int");
    CHECK_FALSE(describe(nullptr).empty());
    CHECK(describe(std::make_exception_ptr(operation_cancelled())).find("tandem::operation_cancelled: ") ==
          0);
}
