// The Content-Type header of a response: is this a page, and which charset does it claim?
#pragma once

#include <string>
#include <string_view>

namespace crawler {

/// A parsed media type. An empty `essence` means that the header was missing or malformed.
class media_type {
public:
    media_type() = default;

    /// "type/subtype", lower case, without parameters.
    std::string essence;
    /// The first `charset` parameter, unquoted, as written; empty when there is none.
    std::string charset;

    /// True for text/html and application/xhtml+xml only: what extract() understands.
    [[nodiscard]] bool is_html() const;
};

/// Parses a Content-Type value by the rules of the WHATWG MIME Sniffing standard (section 4.4): lenient about
/// parameters, strict about the type itself. Never throws except std::bad_alloc; linear in the input.
[[nodiscard]] media_type parse_media_type(std::string_view header);

} // namespace crawler
