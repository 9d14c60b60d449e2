// Dates as HTTP writes them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::http::detail {

/// IMF-fixdate (RFC 9110, 5.6.7), whatever the locale: "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string format_http_date(std::chrono::sys_seconds when);

/// One of the three forms of RFC 9110, 5.6.7: IMF-fixdate, RFC 850 (years as people mean them: not more than
/// 50 years from now), asctime. Names of days are not checked against the date. Nothing for anything else.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept;

} // namespace tandem::http::detail
