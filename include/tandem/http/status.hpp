// Status codes: plain integers with names for their reasons (RFC 9110, section 15, and the IANA registry).
#pragma once

#include <string_view>

namespace tandem::http {

/// The registered reason phrase: "Not Found" for 404; empty if the code is not registered.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

[[nodiscard]] constexpr bool is_informational(int status) noexcept {
    return status >= 100 && status < 200;
}
[[nodiscard]] constexpr bool is_success(int status) noexcept {
    return status >= 200 && status < 300;
}
[[nodiscard]] constexpr bool is_redirection(int status) noexcept {
    return status >= 300 && status < 400;
}
[[nodiscard]] constexpr bool is_client_error(int status) noexcept {
    return status >= 400 && status < 500;
}
[[nodiscard]] constexpr bool is_server_error(int status) noexcept {
    return status >= 500 && status < 600;
}

} // namespace tandem::http
