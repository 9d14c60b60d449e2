// The syntax of a Set-Cookie field (RFC 6265bis, 5.6). What may be stored is the jar's to decide.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::http {

/// What a field says. The views point into it.
class set_cookie {
public:
    set_cookie() noexcept {}
    std::string_view name;                  // not empty
    std::string_view value;                 // may be empty
    std::optional<std::string_view> domain; // as written but for one dot in front; may be empty
    std::optional<std::string_view> path;   // only one that starts with '/'
    bool has_path = false;                  // the attribute was there, whatever its value
    std::optional<std::chrono::seconds> max_age;
    std::optional<std::chrono::sys_seconds> expires;
    bool secure = false;
    bool http_only = false;
};

/// Reads a field. Nothing when it has no cookie: no name, a control character, or beyond the sizes of
/// cookie_jar. Attributes that are unknown, malformed or too long are ignored; of several the last counts.
[[nodiscard]] std::optional<set_cookie> parse_set_cookie(std::string_view field) noexcept;

} // namespace tandem::http
