#include "lib/http/h1/target.hpp"

#include <cstddef>

#include "lib/http/chars.hpp"

namespace tandem::http::h1 {

namespace {

using detail::is_digit;

bool is_port(std::string_view text) noexcept {
    unsigned value = 0;
    for (const char c : text) {
        if (!is_digit(c)) return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > 65535) return false;
    }
    return true;
}

// The characters of an IPv6 address; whether it is one is for the resolver to say.
bool is_ipv6_text(std::string_view text) noexcept {
    if (text.size() < 2 || text.size() > 45) return false;
    bool colon = false;
    for (const char c : text) {
        const char low = detail::to_lower(c);
        colon = colon || c == ':';
        if (!is_digit(c) && !(low >= 'a' && low <= 'f') && c != ':' && c != '.') return false;
    }
    return colon;
}

} // namespace

bool is_host_and_port(std::string_view text) noexcept {
    std::size_t end = 0;
    if (!text.empty() && text.front() == '[') {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos || !is_ipv6_text(text.substr(1, close - 1))) return false;
        end = close + 1;
    } else {
        while (end < text.size() && detail::is_class(text[end], detail::host_char))
            ++end;
        if (end == 0) return false;
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

h1::error check_target(std::string_view method, std::string_view target,
                       std::string_view& authority) noexcept {
    if (target.empty()) return h1::error::bad_target;
    for (const char c : target)
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return h1::error::bad_target; // 8-bit is below 0 or above 0x7f
    if (method == "CONNECT") {
        if (!is_host_and_port(target) || !is_digit(target.back())) return h1::error::bad_target;
        const std::size_t colon = target.rfind(':');
        if (colon == std::string_view::npos || target.find(']', colon) != std::string_view::npos)
            return h1::error::bad_target;
        authority = target;
        return {};
    }
    if (target.front() == '/') return {};
    if (target == "*") return method == "OPTIONS" ? h1::error{} : h1::error::bad_target;

    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return h1::error::bad_target;
    const std::string_view name = target.substr(0, scheme);
    if (!detail::iequals(name, "http") && !detail::iequals(name, "https")) return h1::error::bad_target;
    std::string_view rest = target.substr(scheme + 3);
    rest = rest.substr(0, rest.find_first_of("/?"));
    if (!is_host_and_port(rest)) return h1::error::bad_target;
    authority = rest;
    return {};
}

} // namespace tandem::http::h1
