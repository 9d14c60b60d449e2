// Request methods: the eight of RFC 9110, section 9.3, and PATCH (RFC 5789).
#pragma once

#include <optional>
#include <string_view>

namespace tandem::http {

/// A standard method. Others, such as WebDAV's, travel as text: `request::method` takes one, and
/// `server_request::method_name` gives it.
enum class method { get, head, post, put, delete_, connect, options, trace, patch };

/// The name on the wire: "GET", "DELETE", ...
[[nodiscard]] std::string_view to_string(method value) noexcept;

/// The method of that name. Methods are case-sensitive (RFC 9110, 9.1): "get" is none.
[[nodiscard]] std::optional<method> parse_method(std::string_view name) noexcept;

/// Whether the client asks for no change of state (RFC 9110, 9.2.1): GET, HEAD, OPTIONS, TRACE.
[[nodiscard]] bool is_safe(method value) noexcept;

/// Whether sending it twice intends the same as once (RFC 9110, 9.2.2): the safe ones, PUT, DELETE. This is
/// what allows a retry.
[[nodiscard]] bool is_idempotent(method value) noexcept;

} // namespace tandem::http
