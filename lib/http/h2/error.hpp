// What can end an HTTP/2 stream or connection (RFC 9113, section 7).
#pragma once

#include <cstdint>
#include <system_error>

namespace tandem::http::h2 {

/// Who said so. The error's value is this plus the code of RFC 9113.
enum class origin : int {
    reset = 0x100,      ///< RST_STREAM from the peer
    goaway = 0x200,     ///< GOAWAY from the peer
    connection = 0x300, ///< the peer broke a rule: the connection was ended from this side
    stream = 0x400,     ///< the same for a stream
};

enum class error : int {
    connection_closed = 1, ///< before the response was complete
    flooded,               ///< too many frames that carry nothing
    out_of_memory,
    bad_field,         ///< of a request: it cannot be sent over HTTP/2
    incomplete_stream, ///< the peer was done with the stream before the response was
    ping_unanswered,   ///< the connection is silent, also when it is asked by a PING
};

/// The category of all of these, named "tandem.http2".
[[nodiscard]] const std::error_category& h2_category() noexcept;

[[nodiscard]] inline std::error_code make_error_code(error value) noexcept {
    return {static_cast<int>(value), h2_category()};
}
/// An unknown code counts as INTERNAL_ERROR (RFC 9113, section 7).
[[nodiscard]] std::error_code make_error_code(origin who, std::uint32_t code) noexcept;

/// Whether the same request may succeed a little later: the connection ended, or the peer had too much to do.
[[nodiscard]] bool is_transient(const std::error_code& code) noexcept;

/// Whether the peer has said that it wants the request over HTTP/1.1 (HTTP_1_1_REQUIRED).
[[nodiscard]] bool requires_http1(const std::error_code& code) noexcept;

} // namespace tandem::http::h2

template <>
struct std::is_error_code_enum<tandem::http::h2::error> : std::true_type {};
