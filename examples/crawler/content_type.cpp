#include "examples/crawler/content_type.hpp"

#include "examples/crawler/ascii.hpp"

#include <algorithm>

namespace crawler {
namespace {

bool is_token(std::string_view s) {
    constexpr std::string_view punctuation = "!#$%&'*+-.^_`|~";
    return !s.empty() && std::all_of(s.begin(), s.end(), [&](char c) {
        return ascii::is_alpha(c) || ascii::is_digit(c) || punctuation.find(c) != std::string_view::npos;
    });
}

// Takes a quoted string off the front of `s` (which begins with the quote): its value without escapes.
std::string take_quoted(std::string_view& s) {
    std::string value;
    std::size_t i = 1;
    while (i < s.size() && s[i] != '"') {
        if (s[i] == '\\' && i + 1 < s.size()) ++i;
        value += s[i++];
    }
    s.remove_prefix(std::min(s.size(), i + 1));
    return value;
}

} // namespace

bool media_type::is_html() const {
    return essence == "text/html" || essence == "application/xhtml+xml";
}

media_type parse_media_type(std::string_view header) {
    media_type result;
    std::string_view rest = ascii::trim(header);
    const std::size_t semicolon = std::min(rest.find(';'), rest.size());
    const std::string_view essence = ascii::trim(rest.substr(0, semicolon));
    const std::size_t slash = essence.find('/');
    if (slash == std::string_view::npos || !is_token(essence.substr(0, slash)) ||
        !is_token(essence.substr(slash + 1)))
        return result;
    result.essence = ascii::to_lower(essence);

    rest.remove_prefix(semicolon);
    while (!rest.empty()) {
        rest.remove_prefix(1); // the semicolon
        while (!rest.empty() && ascii::is_space(rest.front()))
            rest.remove_prefix(1);
        const std::size_t name_end = std::min(rest.find_first_of(";="), rest.size());
        const std::string_view name = rest.substr(0, name_end);
        rest.remove_prefix(name_end);
        if (rest.empty()) break;
        if (rest.front() == ';') continue;
        rest.remove_prefix(1); // the equals sign
        std::string value;
        if (!rest.empty() && rest.front() == '"') {
            value = take_quoted(rest);
            rest.remove_prefix(std::min(rest.find(';'), rest.size()));
        } else {
            const std::size_t value_end = std::min(rest.find(';'), rest.size());
            value = ascii::trim(rest.substr(0, value_end));
            rest.remove_prefix(value_end);
        }
        if (!value.empty() && ascii::iequals(name, "charset")) {
            result.charset = std::move(value);
            break; // the first one wins
        }
    }
    return result;
}

} // namespace crawler
