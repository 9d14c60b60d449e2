// Character classes of URLs and the encoder that uses them: tables instead of <cctype>, so that no locale
// matters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::detail {

/// Bits of a byte's entry in url_bytes. The encode sets are the standard's (section 1.3), the query set the
/// one of the special schemes; encode_component is everything but RFC 3986's unreserved characters.
enum url_byte : std::uint16_t {
    encode_fragment = 1 << 0,
    encode_query = 1 << 1,
    encode_path = 1 << 2,
    encode_userinfo = 1 << 3,
    encode_component = 1 << 4,
    forbidden_in_domain = 1 << 5, ///< the forbidden domain code points (section 3.1), as bytes
    not_ascii = 1 << 6,
    tab_or_newline = 1 << 7, ///< removed wherever it stands
    ends_path = 1 << 8,      ///< '?' and '#'
    is_slash = 1 << 9,       ///< '/' and '\', which special schemes do not tell apart
    is_upper = 1 << 10,
    is_digit = 1 << 11,
    is_letter = 1 << 12,
};

constexpr std::array<std::uint16_t, 256> make_url_bytes() {
    std::array<std::uint16_t, 256> table{};
    auto set = [&table](std::string_view bytes, unsigned bits) {
        for (const char c : bytes) {
            auto& entry = table[static_cast<unsigned char>(c)];
            entry = static_cast<std::uint16_t>(entry | bits);
        }
    };
    for (unsigned c = 0; c < 256; ++c) {
        unsigned bits = encode_component;
        if (c < 0x20 || c >= 0x7F) bits |= encode_fragment | encode_query | encode_path | encode_userinfo;
        if (c < 0x20 || c == 0x7F) bits |= forbidden_in_domain;
        if (c >= 0x80) bits |= not_ascii;
        if (c >= '0' && c <= '9') bits = is_digit;
        if (c >= 'A' && c <= 'Z') bits = is_letter | is_upper;
        if (c >= 'a' && c <= 'z') bits = is_letter;
        table[c] = static_cast<std::uint16_t>(bits);
    }
    for (const char c : {'-', '.', '_', '~'})
        table[static_cast<unsigned char>(c)] = 0;
    set(" \"<>`", encode_fragment);
    set(" \"#<>'", encode_query);
    set(" \"#<>?^`{}", encode_path | encode_userinfo);
    set("/:;=@[\\]|", encode_userinfo);
    set(" #/:<>?@[\\]^|%", forbidden_in_domain);
    set("\t\n\r", tab_or_newline);
    set("?#", ends_path);
    set("/\\", is_slash);
    return table;
}

inline constexpr std::array<std::uint16_t, 256> url_bytes = make_url_bytes();

[[nodiscard]] constexpr unsigned url_byte_of(char c) {
    return url_bytes[static_cast<unsigned char>(c)];
}

[[nodiscard]] constexpr char to_lower(char c) {
    return (url_byte_of(c) & is_upper) != 0 ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// The value of a hexadecimal digit, or -1.
[[nodiscard]] constexpr int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

inline void append_percent(std::string& out, char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4], digits[byte & 15]};
}

/// Appends `text` with the bytes of `set` percent-encoded; runs of others go in one piece.
inline void append_encoded(std::string& out, std::string_view text, url_byte set) {
    std::size_t run = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((url_byte_of(text[i]) & set) == 0) continue;
        out.append(text, run, i - run);
        append_percent(out, text[i]);
        run = i + 1;
    }
    out.append(text, run);
}

} // namespace tandem::detail
