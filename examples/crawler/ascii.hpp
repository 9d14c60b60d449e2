// Locale-independent ASCII helpers for bytes from the network (the <cctype> functions depend on the locale).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace crawler::ascii {

constexpr bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || is_upper(c);
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr char lower(char c) {
    return is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// HTML's ASCII whitespace: tab, LF, FF, CR, space.
constexpr bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

constexpr bool iequals(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

constexpr std::string_view trim(std::string_view s) {
    while (!s.empty() && is_space(s.front()))
        s.remove_prefix(1);
    while (!s.empty() && is_space(s.back()))
        s.remove_suffix(1);
    return s;
}

inline std::string to_lower(std::string_view s) {
    std::string out(s);
    for (char& c : out)
        c = lower(c);
    return out;
}

/// Calls f(token) for each maximal run of characters that are not separators; no token is empty.
template <class IsSeparator, class F>
constexpr void for_each_token(std::string_view s, IsSeparator is_separator, F f) {
    std::size_t i = 0;
    while (i < s.size()) {
        while (i < s.size() && is_separator(s[i]))
            ++i;
        const std::size_t begin = i;
        while (i < s.size() && !is_separator(s[i]))
            ++i;
        if (i > begin) f(s.substr(begin, i - begin));
    }
}

} // namespace crawler::ascii
