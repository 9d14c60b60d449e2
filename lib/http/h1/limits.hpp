// The bounds of what a reader accepts of one message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace tandem::http::h1 {

/// Bytes count line ends and the empty line. Trailers count into header_bytes and fields.
struct limits {
    std::size_t header_bytes = 64 * 1024;     ///< start line, fields, trailers
    std::size_t fields = 200;                 ///< field lines, trailers too
    std::size_t line_bytes = 16 * 1024;       ///< the start line, or one field line
    std::size_t chunk_extension_bytes = 4096; ///< all of a message; of a response beyond its body's own bytes
    std::size_t interim_responses = 16;       ///< 1xx responses before the final one
    std::uint64_t body_bytes = no_limit;      ///< body as framed, before content decoding

    static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();
};

/// The defaults for reading responses (limits are those of `limits` itself).
[[nodiscard]] constexpr limits client_limits() noexcept {
    return {};
}

/// The defaults for reading requests: 16 KiB, 100 fields, 8 KiB a line, 1 MiB of body.
[[nodiscard]] constexpr limits server_limits() noexcept {
    limits value;
    value.header_bytes = 16 * 1024;
    value.fields = 100;
    value.line_bytes = 8 * 1024;
    value.body_bytes = std::uint64_t{1} << 20;
    return value;
}

} // namespace tandem::http::h1
