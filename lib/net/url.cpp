#include "tandem/net/url.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>

namespace tandem {

namespace {

// What of a refused input may appear in a message: no user name and password, nothing that a terminal would
// obey.
std::string quoted(std::string_view input) {
    constexpr std::size_t limit = 200;
    std::string_view rest = input;
    std::string out = "\"";
    // Also behind '?' and '#': a password with one of them is a common reason to be here.
    if (const std::size_t at = input.rfind('@'); at != input.npos) {
        const std::size_t scheme = input.substr(0, at).find("//");
        if (scheme != input.npos) out.append(input, 0, scheme + 2);
        out += "***";
        rest.remove_prefix(at);
    }
    out += rest.substr(0, limit);
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    }
    if (out.size() > limit) {
        out.resize(limit);
        out += "...";
    }
    return out + '"';
}

} // namespace

url::url() noexcept = default;
url::url(const url& other) = default;
url& url::operator=(const url& other) = default;
url::~url() = default;

// The offsets must never point into a string that is gone.
url::url(url&& other) noexcept : href_(std::move(other.href_)), at_(std::exchange(other.at_, {})) {
    other.href_.clear();
}

url& url::operator=(url&& other) noexcept {
    if (this != &other) {
        href_ = std::move(other.href_);
        at_ = std::exchange(other.at_, {});
        other.href_.clear();
    }
    return *this;
}

url::url(std::string_view input) {
    auto parsed = parse(input);
    if (!parsed) throw boost::system::system_error(parsed.error(), "url " + quoted(input));
    *this = std::move(*parsed);
}

std::string_view url::password() const noexcept {
    if (at_.user_end == at_.host || href_[at_.user_end] != ':') return {};
    return slice(at_.user_end + 1, at_.host - 1);
}

std::string_view url::query() const noexcept {
    return has_query() ? slice(at_.query + 1, at_.fragment) : std::string_view();
}

std::string_view url::fragment() const noexcept {
    return has_fragment() ? slice(at_.fragment + 1, href_.size()) : std::string_view();
}

std::optional<std::uint16_t> url::port() const noexcept {
    return at_.path != at_.host_end ? std::optional(at_.port) : std::nullopt;
}

std::uint16_t url::effective_port() const noexcept {
    if (empty()) return 0;
    return port().value_or(scheme().ends_with('s') && scheme() != "ws" ? 443 : 80);
}

std::string_view url::hostname_for_connect() const noexcept {
    std::string_view name = host();
    if (name.starts_with('[')) name = name.substr(1, name.size() - 2);
    return name;
}

std::string url::origin() const {
    std::string out(slice(0, at_.user));
    return out += authority();
}

url url::without_fragment() const {
    url out;
    out.href_.assign(href_, 0, at_.fragment);
    out.at_ = at_;
    return out;
}

std::string url::redacted() const {
    if (!has_credentials()) return href_;
    std::string out(slice(0, at_.user));
    return (out += "***@").append(href_, at_.host);
}

bool same_origin(const url& a, const url& b) noexcept {
    return !a.empty() && a.scheme() == b.scheme() && a.authority() == b.authority();
}

} // namespace tandem
