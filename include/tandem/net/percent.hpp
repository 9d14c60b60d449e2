// Percent-encoding of URL pieces (RFC 3986, section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace tandem {

/// Encodes `text` so that it can stand anywhere in a URL, as one path segment or one query name or value:
/// every byte but the unreserved ones (letters, digits, `-` `.` `_` `~`; RFC 3986, section 2.3) becomes
/// `%XX`. A space becomes `%20`, never `+`. Bytes are taken as they are: pass UTF-8.
[[nodiscard]] std::string percent_encode_component(std::string_view text);

/// Replaces each `%XX` by its byte; a `%` without two hexadecimal digits stays as it is, and `+` stays `+`.
/// The result may hold any byte, NUL included, and need not be valid UTF-8.
[[nodiscard]] std::string percent_decode(std::string_view text);

} // namespace tandem
