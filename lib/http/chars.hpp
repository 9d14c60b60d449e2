// Character classes of RFC 9110 and ASCII helpers, independent of any locale.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tandem::http::detail {

inline constexpr std::uint8_t token_char = 1; // tchar, RFC 9110, 5.6.2
inline constexpr std::uint8_t field_char = 2; // VCHAR, obs-text, SP, HTAB: RFC 9110, 5.5
inline constexpr std::uint8_t host_char = 4;  // what names of hosts and IPv4 addresses are made of

inline constexpr std::array<std::uint8_t, 256> char_classes = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned c = 0; c < 256; ++c) {
        const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (alnum) table[c] |= token_char | host_char;
        if (c == '\t' || (c >= 0x20 && c != 0x7f)) table[c] |= field_char;
    }
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        table[static_cast<unsigned char>(c)] |= token_char;
    for (const char c : std::string_view("-._~"))
        table[static_cast<unsigned char>(c)] |= host_char;
    return table;
}();

[[nodiscard]] constexpr bool is_class(char c, std::uint8_t what) noexcept {
    return (char_classes[static_cast<unsigned char>(c)] & what) != 0;
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

[[nodiscard]] constexpr bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
[[nodiscard]] constexpr bool has_control(std::string_view text) noexcept {
    for (const char c : text)
        if (is_control(c)) return true;
    return false;
}

[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Equality without regard to ASCII case.
[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}

/// Without spaces and tabs at both ends (OWS, RFC 9110, 5.6.3).
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
    if (text.empty()) return false;
    for (const char c : text)
        if (!is_class(c, token_char)) return false;
    return true;
}

/// Whether `text` may stand in a field value: no control character but HTAB.
[[nodiscard]] inline bool is_field_text(std::string_view text) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101ull;
    constexpr std::uint64_t tops = ones * 0x80;
    const char* at = text.data();
    std::size_t left = text.size();
    while (left >= 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        // A byte below 0x20 or equal to 0x7f raises its top bit here; a neighbour may too, so look closer
        // then.
        const std::uint64_t del = word ^ (ones * 0x7f);
        if ((((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops)
            for (int i = 0; i < 8; ++i)
                if (!is_class(at[i], field_char)) return false;
        at += 8;
        left -= 8;
    }
    for (; left > 0; --left, ++at)
        if (!is_class(*at, field_char)) return false;
    return true;
}

/// Calls `visit(std::string_view element)` for each non-empty element of a comma-separated list (RFC
/// 9110, 5.6.1), trimmed, until it answers false. Quoted strings are not understood: none of the lists read
/// here has any.
template <class Visitor>
constexpr void for_each_element(std::string_view list, Visitor&& visit) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const std::string_view element = trim(list.substr(0, comma));
        if (!element.empty() && !visit(element)) return;
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

} // namespace tandem::http::detail
