// The host of a URL: a domain, an IPv4 address in any of its spellings, or an IPv6 address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::detail {

enum class host_kind { invalid, domain, ipv4, ipv6 };

/// The standard's host parser and serializer (sections 3.5 and 3.6) for special schemes: appends the
/// normalized host, IPv6 in brackets. `text` is UTF-8 without tabs and newlines. When it returns `invalid`,
/// `out` may have got longer.
[[nodiscard]] host_kind append_host(std::string& out, std::string_view text);

/// Section 3.5: one to four decimal, octal (0..) or hexadecimal (0x..) numbers; a dot may follow.
[[nodiscard]] std::optional<std::uint32_t> parse_ipv4(std::string_view text);

/// Section 3.5, without brackets. Zone identifiers are refused, as the standard says.
[[nodiscard]] std::optional<std::array<std::uint16_t, 8>> parse_ipv6(std::string_view text);

/// Appends dotted decimal numbers.
void append_ipv4(std::string& out, std::uint32_t address);

/// Appends the canonical form (RFC 5952, but never with a dotted tail), without brackets.
void append_ipv6(std::string& out, const std::array<std::uint16_t, 8>& address);

} // namespace tandem::detail
