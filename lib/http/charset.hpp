// Text of other encodings as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace tandem::http {

/// `bytes` as UTF-8, without a byte order mark. A mark says the encoding, else the label does, as the WHATWG
/// Encoding standard understands it (iso-8859-1 means windows-1252, gb2312 means gb18030); no label, or an
/// unknown one, means UTF-8. What is invalid becomes U+FFFD: never fails. Uses the system's iconv for what is
/// neither UTF-8, UTF-16 nor windows-1252. Linear; at most three times the size.
[[nodiscard]] std::string decode_text(std::string_view bytes, std::string_view label);

} // namespace tandem::http
