// The versions of HTTP that a response can come in.
#pragma once

#include <string_view>

namespace tandem::http {

/// For response_info::protocol. In the order of their age: `>= protocol::http2` asks for "HTTP/2 or newer".
enum class protocol {
    http1_0, ///< RFC 1945; a server that answers so, whatever it was asked in
    http1_1, ///< RFC 9112; a later 1.x counts as this one (RFC 9110, 2.5)
    http2,   ///< RFC 9113
};

/// "HTTP/1.0", "HTTP/1.1", "HTTP/2". Constant time, never fails.
[[nodiscard]] std::string_view to_string(protocol value) noexcept;

} // namespace tandem::http
