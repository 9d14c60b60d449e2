// Request targets and Host values (RFC 9112, section 3.2), shared by the readers and the writer.
#pragma once

#include <string_view>

#include "lib/http/h1/error.hpp"

namespace tandem::http::h1 {

/// Whether `text` is host[:port]: a name or IPv4 address of letters, digits, `-._~`, or an IPv6 address in
/// brackets; a port of at most 65535, which may be empty. Userinfo, percent-encoding and an empty host are
/// refused.
[[nodiscard]] bool is_host_and_port(std::string_view text) noexcept;

/// Checks a target and its form: authority form (with a port) for CONNECT and nothing else, `*` for OPTIONS
/// only, otherwise origin form or absolute form with a scheme of http or https. Answers error{} and, where
/// the target has an authority, sets `authority` to that part of `target`.
[[nodiscard]] h1::error check_target(std::string_view method, std::string_view target,
                                     std::string_view& authority) noexcept;

} // namespace tandem::http::h1
