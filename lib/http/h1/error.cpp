#include "lib/http/h1/error.hpp"

#include <string>

namespace tandem::http::h1 {

namespace {

const char* text(error value) noexcept {
    switch (value) {
    case error::bad_request_line:
        return "request line is not \"method target version\"";
    case error::bad_method:
        return "method is not a token";
    case error::bad_target:
        return "request target is not valid for the method, or has a forbidden character";
    case error::bad_version:
        return "version is not HTTP/digit.digit";
    case error::unsupported_version:
        return "HTTP version is not supported";
    case error::bad_status_line:
        return "status line is not \"HTTP/1.x status reason\"";
    case error::bad_reason:
        return "reason phrase has a control character";
    case error::bad_field_name:
        return "header name is not a token followed by a colon";
    case error::space_before_colon:
        return "whitespace between a header name and its colon";
    case error::bad_field_value:
        return "header value has a control character";
    case error::obs_fold:
        return "header line begins with whitespace (obsolete folding)";
    case error::bare_lf:
        return "line ends in LF without CR";
    case error::missing_host:
        return "no Host header";
    case error::duplicate_host:
        return "more than one Host header";
    case error::bad_host:
        return "Host is not a valid host with an optional port";
    case error::bad_content_length:
        return "Content-Length is not a decimal number below 2^64";
    case error::conflicting_content_length:
        return "more than one Content-Length";
    case error::length_with_transfer_encoding:
        return "both Content-Length and Transfer-Encoding";
    case error::unsupported_transfer_encoding:
        return "Transfer-Encoding is not exactly \"chunked\"";
    case error::transfer_encoding_in_http10:
        return "Transfer-Encoding in an HTTP/1.0 message";
    case error::bad_chunk_size:
        return "chunk size is not 1 to 16 hexadecimal digits and a line end";
    case error::bad_chunk_extension:
        return "chunk extension has a control character";
    case error::bad_chunk_end:
        return "no line end after the data of a chunk";
    case error::start_line_too_long:
        return "start line longer than limits::line_bytes (8 KiB in requests, 16 KiB in "
               "responses by default)";
    case error::field_line_too_long:
        return "header line longer than limits::line_bytes (8 KiB in requests, 16 KiB in "
               "responses by default)";
    case error::header_too_large:
        return "header and trailer longer than limits::header_bytes (16 KiB in requests, 64 "
               "KiB in responses by default)";
    case error::too_many_fields:
        return "more header and trailer lines than limits::fields (100 in requests, 200 in "
               "responses by default)";
    case error::chunk_extensions_too_long:
        return "chunk extensions longer than limits::chunk_extension_bytes (4 KiB a "
               "message by default)";
    case error::body_too_large:
        return "body longer than limits::body_bytes (1 MiB in requests, no limit in responses "
               "by default)";
    case error::too_many_interim:
        return "more interim (1xx) responses than limits::interim_responses (16 by default)";
    case error::closed_before_response:
        return "connection closed before a response";
    case error::truncated:
        return "connection closed inside a message";
    case error::bad_status:
        return "status is not between 100 and 999";
    case error::framing_conflict:
        return "Content-Length or Transfer-Encoding contradicts the body, or a body where none is allowed";
    }
    return "unknown error";
}

class category_type final : public std::error_category {
public:
    const char* name() const noexcept override { return "tandem.http1"; }
    std::string message(int value) const override { return text(static_cast<error>(value)); }
};

} // namespace

const std::error_category& h1_category() noexcept {
    static const category_type category;
    return category;
}

std::error_code make_error_code(error value) noexcept {
    return {static_cast<int>(value), h1_category()};
}

int suggested_status(error value) noexcept {
    switch (value) {
    case error::body_too_large:
        return 413;
    case error::start_line_too_long:
        return 414;
    case error::field_line_too_long:
    case error::header_too_large:
    case error::too_many_fields:
        return 431;
    case error::unsupported_transfer_encoding:
        return 501;
    case error::unsupported_version:
        return 505;
    default:
        return 400;
    }
}

} // namespace tandem::http::h1
