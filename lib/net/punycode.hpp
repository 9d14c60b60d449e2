// Punycode (RFC 3492): code points of a domain label as ASCII, without the "xn--" prefix.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tandem::detail {

/// Appends the encoding of `label`. Time grows with the square of the label, whose length the caller bounds.
void append_punycode(std::string& out, std::u32string_view label);

/// Decodes; nothing when the text is not Punycode or names something that is no Unicode scalar value.
[[nodiscard]] std::optional<std::u32string> decode_punycode(std::string_view text);

} // namespace tandem::detail
