#include "lib/http/redirect.hpp"

#include "lib/http/chars.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace tandem::http {

namespace {

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) noexcept {
    return std::any_of(names.begin(), names.end(),
                       [name](std::string_view n) { return detail::iequals(name, n); });
}

} // namespace

bool is_bound_to_origin(std::string_view field_name) noexcept {
    static constexpr std::array<std::string_view, 6> names = {
        "Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Host", "Referer"};
    return is_one_of(field_name, names);
}

bool describes_body(std::string_view field_name) noexcept {
    static constexpr std::array<std::string_view, 8> names = {
        "Content-Type",     "Content-Length", "Content-Encoding",  "Content-Language",
        "Content-Location", "Content-Range",  "Transfer-Encoding", "Expect"};
    return is_one_of(field_name, names);
}

url without_credentials(const url& from) {
    if (!from.has_credentials()) return from;
    std::string text(from.scheme());
    text += "://";
    text += from.authority();
    text += from.target();
    if (from.has_fragment()) {
        text += '#';
        text += from.fragment();
    }
    return url(text);
}

redirect read_redirect(int status, const headers& fields, const url& from, std::string_view method) {
    redirect found;
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) return found;
    const std::optional<std::string_view> location = fields.get("Location");
    if (!location) return found;
    auto parsed = url::parse(*location, from);
    if (!parsed) return found;
    // Two that differ: whichever is taken, something between here and the server may have meant the other.
    bool differ = false;
    fields.for_each("Location", [&](std::string_view other) { differ = differ || other != *location; });
    if (differ) return found;
    const std::string_view scheme = parsed->scheme();
    if (scheme != "http" && scheme != "https") return found;

    found.target = without_credentials(*parsed);
    if (from.has_fragment() && !found.target.has_fragment()) {
        std::string text = found.target.href();
        text += '#';
        text += from.fragment();
        auto with_fragment = url::parse(text); // fails only when it became too long
        if (with_fragment) found.target = std::move(*with_fragment);
    }
    found.what =
        from.is_https() && !found.target.is_https() ? redirect::verdict::insecure : redirect::verdict::follow;
    found.to_get = ((status == 301 || status == 302) && method == "POST") ||
                   (status == 303 && method != "GET" && method != "HEAD");
    found.new_origin = !same_origin(from, found.target);
    return found;
}

} // namespace tandem::http
