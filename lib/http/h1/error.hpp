// What can be wrong with an HTTP/1.1 message, read or about to be written.
#pragma once

#include <system_error>
#include <type_traits>

namespace tandem::http::h1 {

/// Each violation has a name of its own, so that a log tells an attack from a broken peer.
enum class error {
    // start lines
    bad_request_line = 1, ///< not `method SP target SP version`
    bad_method,           ///< not a token
    bad_target,           ///< control, space, 8-bit, fragment, or a form that the method does not take
    bad_version,          ///< not HTTP/digit.digit
    unsupported_version,  ///< well-formed, but not one that is spoken here
    bad_status_line,      ///< not `HTTP/1.x SP 3DIGIT [SP reason]`
    bad_reason,           ///< control character in a reason phrase
    // fields
    bad_field_name,     ///< not a token, or no colon
    space_before_colon, ///< whitespace between a name and its colon (requests)
    bad_field_value,    ///< CR, NUL or another control character
    obs_fold,     ///< a line that continues the one before (requests; RFC 9112, 5.2), or nothing to continue
    bare_lf,      ///< a line that ends in LF without CR (requests)
    missing_host, ///< HTTP/1.1 request without Host
    duplicate_host, ///< more than one Host
    bad_host,       ///< Host that is not host[:port]
    // framing
    bad_content_length,            ///< not only digits, or beyond 2^64-1
    conflicting_content_length,    ///< more than one Content-Length (responses: if they differ)
    length_with_transfer_encoding, ///< Content-Length beside Transfer-Encoding (requests)
    unsupported_transfer_encoding, ///< anything else than `chunked` (requests)
    transfer_encoding_in_http10,   ///< Transfer-Encoding in an HTTP/1.0 request
    bad_chunk_size,                ///< not 1 to 16 hexadecimal digits and a line end
    bad_chunk_extension,           ///< control character in a chunk extension
    bad_chunk_end,                 ///< no line end after a chunk's data
    // limits
    start_line_too_long,       ///< limits::line_bytes, at the start line
    field_line_too_long,       ///< limits::line_bytes, at a field
    header_too_large,          ///< limits::header_bytes
    too_many_fields,           ///< limits::fields
    chunk_extensions_too_long, ///< limits::chunk_extension_bytes
    body_too_large,            ///< limits::body_bytes
    too_many_interim,          ///< limits::interim_responses
    // ends
    closed_before_response, ///< the connection ended and not one byte of a response came
    truncated,              ///< the connection ended inside a message
    // writing
    bad_status,       ///< a status outside 100 to 999
    framing_conflict, ///< Content-Length or Transfer-Encoding that contradicts the stated framing, or a body
                      ///< where none is allowed (also: read in a CONNECT request)
};

/// The category of h1::error, named "tandem.http1".
[[nodiscard]] const std::error_category& h1_category() noexcept;
[[nodiscard]] std::error_code make_error_code(error value) noexcept;

/// The status with which a server answers a request that has that violation: 400, 413, 414, 431, 501 or 505.
[[nodiscard]] int suggested_status(error value) noexcept;

} // namespace tandem::http::h1

template <>
struct std::is_error_code_enum<tandem::http::h1::error> : std::true_type {};
