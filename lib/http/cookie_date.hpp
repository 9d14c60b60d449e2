// Dates of cookies, which servers write in many ways (RFC 6265bis, 5.1.1).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace tandem::http {

/// A time of day (h:m:s), a day of the month, a month and a year, in any order and between anything. Nothing
/// when one is missing or out of range, or for a day that its month does not have. Years 1601 to 9999.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text) noexcept;

} // namespace tandem::http
