// What an error says of itself.
#include "tandem/http/error.hpp"

#include "lib/http/h1/error.hpp"
#include "lib/net/tls_context.hpp"
#include "tests/support/catch.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <chrono>

using namespace std::chrono_literals;
using namespace tandem::http;
namespace errc_of_system = boost::system::errc;

namespace {

error failure(request_phase phase, tandem::error_code code) {
    return error(phase, code, "GET", "http://a/", "");
}
const tandem::error_code reset = make_error_code(errc_of_system::connection_reset);

} // namespace

TEST_CASE("an error tells what it was about") {
    CHECK(failure(request_phase::resolve, reset).is_dns());
    CHECK(failure(request_phase::connect, reset).is_connect());
    CHECK(failure(request_phase::tls, reset).is_tls());
    CHECK(failure(request_phase::limit, make_error_code(errc::body_too_large)).is_limit());
    CHECK(failure(request_phase::body, make_error_code(errc_of_system::timed_out)).is_timeout());
    CHECK(failure(request_phase::body, h1::make_error_code(h1::error::bad_chunk_size)).is_protocol());
    const error plain = failure(request_phase::send, reset);
    CHECK_FALSE((plain.is_dns() || plain.is_connect() || plain.is_tls() || plain.is_limit() ||
                 plain.is_timeout() || plain.is_protocol()));
}

TEST_CASE("an error tells whether anything was sent") {
    for (const auto phase : {request_phase::url, request_phase::pool_wait, request_phase::resolve,
                             request_phase::connect, request_phase::tls, request_phase::intercept})
        CHECK(failure(phase, reset).is_unsent());
    for (const auto phase : {request_phase::send, request_phase::response_head, request_phase::body,
                             request_phase::redirect, request_phase::limit})
        CHECK_FALSE(failure(phase, reset).is_unsent());
}

TEST_CASE("an error tells whether it may pass") {
    for (const auto phase : {request_phase::resolve, request_phase::connect, request_phase::tls,
                             request_phase::send, request_phase::response_head, request_phase::body}) {
        CHECK(failure(phase, reset).is_transient());
        CHECK(failure(phase, make_error_code(errc_of_system::timed_out)).is_transient());
    }
    CHECK_FALSE(failure(request_phase::resolve, boost::asio::error::host_not_found).is_transient());
    CHECK(failure(request_phase::resolve, boost::asio::error::host_not_found_try_again).is_transient());
    CHECK(failure(request_phase::response_head, h1::make_error_code(h1::error::closed_before_response))
              .is_transient());
    CHECK(failure(request_phase::body, h1::make_error_code(h1::error::truncated)).is_transient());
    CHECK(failure(request_phase::body, tandem::net::make_error_code(tandem::net::tls_errc::truncated))
              .is_transient());
    CHECK_FALSE(
        failure(request_phase::tls, tandem::net::make_error_code(tandem::net::tls_errc::certificate_rejected))
            .is_transient());
    CHECK_FALSE(failure(request_phase::response_head, h1::make_error_code(h1::error::bad_status_line))
                    .is_transient());
    CHECK_FALSE(failure(request_phase::limit, reset).is_transient());
    CHECK_FALSE(failure(request_phase::pool_wait, make_error_code(errc_of_system::timed_out)).is_transient());
}

TEST_CASE("an error's message names the attempt, if it was not the first") {
    error e = failure(request_phase::connect, reset);
    CHECK(e.attempt() == 1);
    CHECK(e.elapsed() == 0ns);
    e.elapsed(1200ms);
    CHECK(e.message().find("attempt") == std::string::npos);
    e.attempt(3);
    CHECK(e.message().ends_with(" (attempt 3, after 1200 ms)"));
}
