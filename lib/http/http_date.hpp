// Dates as HTTP writes them.
#pragma once

#include <chrono>
#include <string>

namespace tandem::http::detail {

/// IMF-fixdate (RFC 9110, 5.6.7), whatever the locale: "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string format_http_date(std::chrono::sys_seconds when);

} // namespace tandem::http::detail
