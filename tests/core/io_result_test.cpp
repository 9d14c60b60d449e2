#include <tandem/core/io_result.hpp>

#include "tests/support/catch.hpp"

#include <boost/asio/error.hpp>

#include <type_traits>

using tandem::io_result;

// An enumerator of Asio's must not pass for a number of bytes.
static_assert(!std::is_constructible_v<io_result, boost::asio::error::basic_errors>);
static_assert(!std::is_constructible_v<io_result, boost::asio::error::misc_errors, std::size_t>);
static_assert(!std::is_constructible_v<io_result, boost::system::errc::errc_t>);
static_assert(std::is_constructible_v<io_result, boost::system::error_code>);
static_assert(std::is_constructible_v<io_result, std::size_t>);
static_assert(std::is_constructible_v<io_result, int>);

TEST_CASE("io_result: bytes, or an error and the bytes before it", "[core]") {
    const io_result whole(3);
    CHECK(!whole.error);
    CHECK(whole.bytes == 3);
    const io_result broken(boost::system::error_code(boost::asio::error::eof), 2);
    CHECK(broken.error == boost::asio::error::eof);
    CHECK(broken.bytes == 2);
    const io_result none;
    CHECK(!none.error);
    CHECK(none.bytes == 0);
}
