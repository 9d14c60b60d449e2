// Which encoding is a page in, and its text as UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace crawler {

/// The encodings of the WHATWG Encoding standard that pages use. `replacement` stands for the encodings that
/// the standard refuses because they are dangerous (hz-gb-2312, iso-2022-kr ...): any text becomes one
/// U+FFFD.
enum class charset : unsigned char {
    utf_8,
    utf_16le,
    utf_16be,
    windows_1252,
    replacement,
    ibm866,
    iso_8859_2,
    iso_8859_3,
    iso_8859_4,
    iso_8859_5,
    iso_8859_6,
    iso_8859_7,
    iso_8859_8,
    iso_8859_10,
    iso_8859_13,
    iso_8859_14,
    iso_8859_15,
    iso_8859_16,
    koi8_r,
    koi8_u,
    macintosh,
    x_mac_cyrillic,
    windows_874,
    windows_1250,
    windows_1251,
    windows_1253,
    windows_1254,
    windows_1255,
    windows_1256,
    windows_1257,
    windows_1258,
    gb18030,
    big5,
    euc_jp,
    iso_2022_jp,
    shift_jis,
    euc_kr,
};

/// The standard's name, for reports.
[[nodiscard]] std::string_view charset_name(charset c);

/// The encoding that a label ("latin1", " UTF8 ") names by the WHATWG table, which maps iso-8859-1 and ascii
/// to windows-1252, iso-8859-9 to windows-1254, gb2312 and gbk to gb18030; nothing if the label is unknown.
[[nodiscard]] std::optional<charset> charset_from_label(std::string_view label);

/// The encoding that the first 1,024 bytes of a page declare in a `<meta>` or an XML declaration, by the
/// prescan of the HTML standard (13.2.3.2): comments skipped, UTF-16 read as UTF-8.
[[nodiscard]] std::optional<charset> prescan_charset(std::string_view body);

/// The encoding of a page: byte order mark, else the charset of the Content-Type header (may be empty), else
/// the prescan, else UTF-8 if the whole body is valid UTF-8 (a last character that is cut off is forgiven),
/// else windows-1252. The step before the last is ours: browsers guess from the user's language, and of
/// undeclared pages that are valid UTF-8 practically none is anything else.
[[nodiscard]] charset detect_charset(std::string_view body, std::string_view header_charset);

/// The body as UTF-8 without byte order mark. Never fails (but for std::bad_alloc): what is invalid, or what
/// the system's iconv cannot convert, becomes U+FFFD. At most three times the size of the body. Any thread.
[[nodiscard]] std::string to_utf8(std::string_view body, charset from);

/// Is `s` valid UTF-8 throughout? `cut_off` forgives an incomplete last character.
[[nodiscard]] bool is_valid_utf8(std::string_view s, bool cut_off = false);

/// The longest prefix of at most `max_bytes` bytes that does not end inside a UTF-8 character.
[[nodiscard]] std::string_view utf8_prefix(std::string_view s, std::size_t max_bytes);

} // namespace crawler
