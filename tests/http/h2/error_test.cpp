// What HTTP/2 errors say, and which of them may pass.
#include "tests/support/catch.hpp"

#include "lib/http/h2/error.hpp"

#include <tandem/http/error.hpp>

#include <nghttp2/nghttp2.h>

#include <string>

using namespace tandem;
using http::h2::make_error_code;
using http::h2::origin;
using http::h2::requires_http1;

TEST_CASE("http2 errors: who ended what, and why") {
    CHECK(make_error_code(origin::reset, NGHTTP2_CANCEL).message() ==
          "the peer reset the HTTP/2 stream: CANCEL");
    CHECK(make_error_code(origin::goaway, NGHTTP2_NO_ERROR).message() ==
          "the peer ended the HTTP/2 connection: NO_ERROR");
    CHECK(make_error_code(origin::connection, NGHTTP2_PROTOCOL_ERROR).message() ==
          "the peer does not keep to HTTP/2, the connection was ended: PROTOCOL_ERROR");
    CHECK(make_error_code(origin::stream, NGHTTP2_PROTOCOL_ERROR).message() ==
          "the peer does not keep to HTTP/2, the stream was ended: PROTOCOL_ERROR");
    // A code that nobody knows (RFC 9113, section 7).
    CHECK(make_error_code(origin::reset, 0xdeadbeef) ==
          make_error_code(origin::reset, NGHTTP2_INTERNAL_ERROR));
    CHECK(std::string(http::h2::h2_category().name()) == "tandem.http2");
}

TEST_CASE("http2 errors: which may pass") {
    const auto passes = [](std::error_code code) {
        return http::error(http::request_phase::response_head, code, "GET", "http://x/", "").is_transient();
    };
    CHECK(passes(http::h2::error::connection_closed));
    CHECK(passes(http::h2::error::incomplete_stream));
    CHECK(passes(make_error_code(origin::goaway, NGHTTP2_NO_ERROR)));
    CHECK(passes(make_error_code(origin::reset, NGHTTP2_REFUSED_STREAM)));
    CHECK_FALSE(passes(make_error_code(origin::reset, NGHTTP2_CANCEL)));
    CHECK_FALSE(passes(make_error_code(origin::connection, NGHTTP2_PROTOCOL_ERROR)));
    CHECK_FALSE(passes(http::h2::error::flooded));
    CHECK(passes(http::h2::error::ping_unanswered));
    CHECK_FALSE(passes(make_error_code(origin::goaway, NGHTTP2_HTTP_1_1_REQUIRED))); // not over HTTP/2
}

TEST_CASE("http2 errors: which ask for HTTP/1.1") {
    CHECK(requires_http1(make_error_code(origin::reset, NGHTTP2_HTTP_1_1_REQUIRED)));
    CHECK(requires_http1(make_error_code(origin::goaway, NGHTTP2_HTTP_1_1_REQUIRED)));
    CHECK_FALSE(requires_http1(make_error_code(origin::goaway, NGHTTP2_NO_ERROR)));
    CHECK_FALSE(requires_http1(make_error_code(origin::stream, NGHTTP2_HTTP_1_1_REQUIRED))); // from this side
    CHECK_FALSE(requires_http1(std::error_code()));
}
