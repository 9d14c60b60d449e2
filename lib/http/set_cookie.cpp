#include "lib/http/set_cookie.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/cookie_date.hpp"

#include <tandem/http/cookie_jar.hpp>

#include <algorithm>
#include <limits>

namespace tandem::http {

namespace {

// Up to the next ';', which is dropped.
std::string_view take_part(std::string_view& rest) noexcept {
    const std::size_t end = rest.find(';');
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    return part;
}

// A number of seconds, or nothing; more than can be told becomes the largest.
std::optional<std::chrono::seconds> parse_max_age(std::string_view text) noexcept {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.empty() || !std::all_of(text.begin(), text.end(), detail::is_digit)) return std::nullopt;
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    std::int64_t value = 0;
    for (const char c : text)
        value = std::min<std::int64_t>(value * 10 + (c - '0'), most);
    return std::chrono::seconds(negative ? -value : value);
}

void take_attribute(set_cookie& found, std::string_view name, std::string_view value) noexcept {
    if (value.size() > cookie_jar::max_attribute_bytes) return;
    if (detail::iequals(name, "Expires")) {
        if (const auto when = parse_cookie_date(value)) found.expires = when;
    } else if (detail::iequals(name, "Max-Age")) {
        if (const auto age = parse_max_age(value)) found.max_age = age;
    } else if (detail::iequals(name, "Domain")) {
        found.domain = value.starts_with('.') ? value.substr(1) : value;
    } else if (detail::iequals(name, "Path")) {
        found.has_path = true;
        found.path = value.starts_with('/') ? std::optional(value) : std::nullopt;
    } else if (detail::iequals(name, "Secure")) {
        found.secure = true;
    } else if (detail::iequals(name, "HttpOnly")) {
        found.http_only = true;
    }
}

} // namespace

std::optional<set_cookie> parse_set_cookie(std::string_view field) noexcept {
    if (field.size() > cookie_jar::max_set_cookie_bytes) return std::nullopt;
    for (const char c : field)
        if (detail::is_control(c) && c != '\t') return std::nullopt;

    set_cookie found;
    const std::string_view pair = take_part(field);
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos) return std::nullopt;
    found.name = detail::trim(pair.substr(0, equals));
    found.value = detail::trim(pair.substr(equals + 1));
    // TAB, which the RFC allows, may surround a name or a value but not be in one: see cookie_jar.
    if (found.name.empty() || found.name.size() + found.value.size() > cookie_jar::max_pair_bytes ||
        detail::has_control(found.name) || detail::has_control(found.value))
        return std::nullopt;

    while (!field.empty()) {
        const std::string_view attribute = take_part(field);
        const std::size_t split = attribute.find('=');
        const std::string_view value =
            split == attribute.npos ? std::string_view() : attribute.substr(split + 1);
        take_attribute(found, detail::trim(attribute.substr(0, split)), detail::trim(value));
    }
    return found;
}

} // namespace tandem::http
