#include "lib/http/media_type.hpp"

#include "lib/http/chars.hpp"

namespace tandem::http {

namespace {

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = detail::to_lower(c);
    return out;
}

// Takes a parameter's value from the front, a token or a quoted string, and what follows up to the next ';'.
std::string take_value(std::string_view& rest) {
    std::string value;
    if (rest.starts_with('"')) {
        rest.remove_prefix(1);
        while (!rest.empty() && rest.front() != '"') {
            if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
            value += rest.front();
            rest.remove_prefix(1);
        }
    } else {
        value = detail::trim(rest.substr(0, rest.find(';')));
    }
    const std::size_t next = rest.find(';');
    rest.remove_prefix(next == rest.npos ? rest.size() : next);
    return value;
}

} // namespace

std::string media_type_of(std::string_view content_type) {
    return lowered(detail::trim(content_type.substr(0, content_type.find(';'))));
}

std::string charset_of(std::string_view content_type) {
    std::size_t next = content_type.find(';');
    while (next != content_type.npos) {
        content_type.remove_prefix(next + 1);
        const std::size_t end = content_type.find_first_of("=;");
        if (end == content_type.npos) break;
        if (content_type[end] == ';') {
            next = end;
            continue;
        }
        const std::string_view name = detail::trim(content_type.substr(0, end));
        content_type.remove_prefix(end + 1);
        const std::string value = take_value(content_type);
        if (detail::iequals(name, "charset")) return lowered(value);
        next = content_type.find(';');
    }
    return std::string();
}

} // namespace tandem::http
