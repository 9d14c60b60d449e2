#include "lib/http/h2/request_fields.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/h1/error.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tandem::http::h2 {

namespace {

// A cookie that is shorter could be guessed byte by byte by watching how well it compresses.
constexpr std::size_t short_cookie = 20;

bool belongs_to_connection(std::string_view name, const headers& fields) noexcept {
    static constexpr std::array<std::string_view, 8> names = {
        "Connection",     "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade",
        "HTTP2-Settings", "Host",       "Content-Length"};
    const auto same = [name](std::string_view other) { return tandem::http::detail::iequals(name, other); };
    return std::any_of(names.begin(), names.end(), same) || fields.has_token("Connection", name);
}

bool is_secret(std::string_view name) noexcept {
    return tandem::http::detail::iequals(name, "Authorization") ||
           tandem::http::detail::iequals(name, "Proxy-Authorization");
}

} // namespace

request_fields::field request_fields::operator[](std::size_t i) const noexcept {
    const place& at = places_[i];
    const std::string_view all(text_);
    field found;
    found.name = all.substr(at.name, at.name_size);
    found.value = all.substr(at.name + at.name_size, at.value_size);
    found.secret = at.secret;
    return found;
}

void request_fields::add(std::string_view name, std::string_view value, bool secret) {
    place at;
    at.name = text_.size();
    at.name_size = name.size();
    at.value_size = value.size();
    at.secret = secret;
    for (const char c : name)
        text_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    text_ += value;
    places_.push_back(at);
}

void request_fields::add_cookies(std::string_view value) {
    while (!value.empty()) {
        const std::size_t end = std::min(value.find(';'), value.size());
        const std::string_view crumb = value.substr(0, end);
        if (!crumb.empty()) add("cookie", crumb, crumb.size() < short_cookie);
        value.remove_prefix(std::min(end + 1, value.size()));
        while (!value.empty() && value.front() == ' ')
            value.remove_prefix(1);
    }
}

std::error_code request_fields::assign(const request_line& line, const headers& fields,
                                       const h1::body_plan& body) {
    text_.clear();
    places_.clear();
    // What may not be said in HTTP/1.1 is refused here as well, by the same rules and in the same words.
    const std::error_code refused =
        h1::write_request_head(text_, line.method, line.target.target(), fields, body);
    text_.clear();
    if (refused) return refused;

    add(":method", line.method);
    add(":scheme", line.target.scheme());
    add(":authority", *fields.get("Host"));
    add(":path", line.target.target());
    bool takes_trailers = false;
    for (const auto given : fields) {
        if (belongs_to_connection(given.name, fields)) continue;
        if (tandem::http::detail::iequals(given.name, "TE")) {
            takes_trailers = fields.has_token("TE", "trailers"); // nothing else may be said
        } else if (tandem::http::detail::iequals(given.name, "Cookie")) {
            add_cookies(given.value);
        } else {
            add(given.name, given.value, is_secret(given.name));
        }
    }
    if (takes_trailers) add("te", "trailers");
    if (body.framing() == h1::framing::length) add("content-length", std::to_string(body.bytes()));
    return std::error_code();
}

} // namespace tandem::http::h2
