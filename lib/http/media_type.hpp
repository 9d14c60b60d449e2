// The value of a Content-Type field (RFC 9110, 8.3.1).
#pragma once

#include <string>
#include <string_view>

namespace tandem::http {

/// "text/html" of "Text/HTML; charset=x", in lower case; empty when there is none.
[[nodiscard]] std::string media_type_of(std::string_view content_type);

/// The charset parameter, without quotes, in lower case; empty when there is none.
[[nodiscard]] std::string charset_of(std::string_view content_type);

} // namespace tandem::http
