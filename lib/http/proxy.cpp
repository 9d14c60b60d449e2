#include "tandem/http/proxy.hpp"

#include "lib/http/base64.hpp"
#include "lib/http/chars.hpp"

#include <tandem/net/address_guard.hpp>
#include <tandem/net/percent.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace tandem::http {

namespace {

constexpr std::uint16_t default_port = 1080; // curl's, whatever the proxy speaks

// The port that was written, in front of what a URL's own scheme takes for its default.
std::optional<std::uint16_t> written_port(const std::string& rest) {
    const auto as_http = url::parse("http:" + rest);
    if (as_http && as_http->port()) return as_http->port();
    const auto as_https = url::parse("https:" + rest);
    return as_https ? as_https->port() : std::nullopt;
}

bool in_network(const std::string& entry, std::string_view host) {
    ip_network::bytes address{};
    if (host.find(':') != std::string_view::npos) {
        if (inet_pton(AF_INET6, std::string(host).c_str(), address.data()) != 1) return false;
    } else {
        address[10] = address[11] = 0xFF;
        if (inet_pton(AF_INET, std::string(host).c_str(), address.data() + 12) != 1) return false;
    }
    try {
        return ip_network(entry).contains(address);
    } catch (const std::invalid_argument&) {
        return false;
    }
}

const char* read_environment(std::initializer_list<const char*> names, const char*& found) {
    for (const char* const name : names) {
        const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): documented
        if (!value || *value == '\0') continue;
        found = name;
        return value;
    }
    return nullptr;
}

} // namespace

proxy::proxy(std::string_view text) {
    std::string_view scheme = "http";
    std::string_view rest = text;
    if (const std::size_t at = text.find("://"); at != std::string_view::npos) {
        scheme = text.substr(0, at);
        rest = text.substr(at + 3);
    }
    if (detail::iequals(scheme, "http"))
        kind_ = kind::http;
    else if (detail::iequals(scheme, "https"))
        kind_ = kind::https;
    else if (detail::iequals(scheme, "socks5"))
        kind_ = kind::socks5;
    else if (detail::iequals(scheme, "socks5h"))
        kind_ = kind::socks5h;
    else
        throw std::invalid_argument("proxy: the scheme must be http, https, socks5 or socks5h");

    const std::string authority = "//" + std::string(rest.substr(0, rest.find_first_of("/?#\\")));
    const auto parsed = url::parse("http:" + authority);
    if (authority.size() == 2 || !parsed)
        throw std::invalid_argument("proxy: \"scheme://user:password@host:port\" is expected");
    host_ = parsed->hostname_for_connect();
    port_ = written_port(authority).value_or(kind_ == kind::https ? 443 : default_port);
    if (port_ == 0) throw std::invalid_argument("proxy: port 0");
    has_credentials_ = parsed->has_credentials();
    user_ = percent_decode(parsed->username());
    password_ = percent_decode(parsed->password());
    if (!has_credentials_) return;
    if (is_socks()) {
        if (user_.empty() || user_.size() > 255 || password_.empty() || password_.size() > 255)
            throw std::invalid_argument("proxy: SOCKS takes a user name and a password of 1 to 255 bytes");
    } else if (user_.find(':') != std::string::npos || detail::has_control(user_) ||
               detail::has_control(password_)) {
        throw std::invalid_argument("proxy: a colon in the user name, or a control character");
    }
}

std::string proxy::authorization() const {
    if (!has_credentials_ || is_socks() || digest_only_) return {};
    return "Basic " + base64(user_ + ":" + password_);
}

std::string proxy::name() const {
    static constexpr const char* schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
    const bool ipv6 = host_.find(':') != std::string::npos;
    return schemes[static_cast<int>(kind_)] + (ipv6 ? "[" + host_ + "]" : host_) + ":" +
           std::to_string(port_);
}

proxies& proxies::http(std::string_view text) {
    return http(proxy(text));
}
proxies& proxies::https(std::string_view text) {
    return https(proxy(text));
}
proxies& proxies::all(std::string_view text) {
    return all(proxy(text));
}
proxies& proxies::http(proxy by) {
    http_ = std::move(by);
    return *this;
}
proxies& proxies::https(proxy by) {
    https_ = std::move(by);
    return *this;
}
proxies& proxies::all(proxy by) {
    http_ = by;
    https_ = std::move(by);
    return *this;
}

proxies& proxies::bypass(std::string_view list) {
    constexpr std::string_view separators = ", \t";
    if (const std::size_t begin = list.find_first_not_of(separators); begin != std::string_view::npos) {
        const std::size_t end = list.find_last_not_of(separators);
        if (list.substr(begin, end + 1 - begin) == "*") bypass_all_ = true;
    }
    for (std::size_t at = 0; (at = list.find_first_not_of(separators, at)) != std::string_view::npos;) {
        const std::size_t end = std::min(list.find_first_of(separators, at), list.size());
        std::string_view entry = list.substr(at, end - at);
        at = end;
        if (entry.front() == '[' && entry.back() == ']') entry = entry.substr(1, entry.size() - 2);
        if (entry.starts_with('.')) entry.remove_prefix(1);
        if (entry.ends_with('.')) entry.remove_suffix(1);
        if (entry.empty()) continue;
        std::string lower(entry);
        for (char& c : lower)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
        bypassed_.push_back(std::move(lower));
    }
    return *this;
}

const proxy* proxies::find(const url& target) const noexcept {
    const std::optional<proxy>& which = target.is_https() ? https_ : http_;
    if (!which || bypass_all_) return nullptr;
    std::string_view host = target.hostname_for_connect();
    if (host.ends_with('.')) host.remove_suffix(1);
    for (const std::string& entry : bypassed_) {
        if (target.host_is_ip()) {
            if (in_network(entry, host)) return nullptr;
        } else if (host == entry || (host.size() > entry.size() && host.ends_with(entry) &&
                                     host[host.size() - entry.size() - 1] == '.')) {
            return nullptr;
        }
    }
    return &*which;
}

proxies proxies::from_environment() {
    proxies found;
    const char* name = nullptr;
    try {
        if (const char* const both = read_environment({"all_proxy", "ALL_PROXY"}, name)) found.all(both);
        if (const char* const plain = read_environment({"http_proxy"}, name)) found.http(plain);
        if (const char* const secure = read_environment({"https_proxy", "HTTPS_PROXY"}, name))
            found.https(secure);
    } catch (const std::invalid_argument& wrong) {
        throw std::invalid_argument(std::string(name) + ": " + wrong.what());
    }
    if (const char* const list = read_environment({"no_proxy", "NO_PROXY"}, name)) found.bypass(list);
    return found;
}

} // namespace tandem::http
