#include "lib/http/cookie_rules.hpp"

#include "lib/http/chars.hpp"

#include <tandem/http/cookie_jar.hpp>
#include <tandem/http/public_suffix.hpp>

namespace tandem::http {

namespace {

bool has_prefix(std::string_view name, std::string_view prefix) noexcept {
    return detail::iequals(name.substr(0, prefix.size()), prefix);
}

bool is_clean(std::string_view text, std::string_view excluded) noexcept {
    for (const char c : text)
        if (detail::is_control(c) || excluded.find(c) != excluded.npos) return false;
    return detail::trim(text).size() == text.size();
}

} // namespace

std::string_view cookie_site(std::string_view host) {
    const std::string_view registrable = registrable_domain(host);
    return registrable.empty() ? host : registrable;
}

bool domain_matches(std::string_view host, std::string_view domain) noexcept {
    if (domain.empty() || !host.ends_with(domain)) return false;
    return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

bool path_matches(std::string_view request_path, std::string_view cookie_path) noexcept {
    if (!request_path.starts_with(cookie_path)) return false;
    return request_path.size() == cookie_path.size() || cookie_path.ends_with('/') ||
           request_path[cookie_path.size()] == '/';
}

std::string_view default_cookie_path(std::string_view request_path) noexcept {
    const std::size_t slash = request_path.rfind('/');
    return slash == 0 || slash == request_path.npos ? std::string_view("/") : request_path.substr(0, slash);
}

bool is_secure(const url& where) noexcept {
    return where.scheme() == "https" || where.scheme() == "wss";
}

bool keeps_prefix_promise(const cookie& what, bool path_given) noexcept {
    if (has_prefix(what.name(), "__Secure-")) return what.secure();
    if (has_prefix(what.name(), "__Host-"))
        return what.secure() && what.host_only() && path_given && what.path() == "/";
    return true;
}

bool is_well_formed(const cookie& what) noexcept {
    return !what.name().empty() && what.name().size() + what.value().size() <= cookie_jar::max_pair_bytes &&
           what.path().starts_with('/') && what.path().size() <= cookie_jar::max_attribute_bytes &&
           is_clean(what.name(), "=;") && is_clean(what.value(), ";") && is_clean(what.path(), ";");
}

bool applies_to(const cookie& what, const url& to) noexcept {
    if (what.secure() && !is_secure(to)) return false;
    const std::string_view host = to.host();
    const bool host_fits = what.host_only() ? host == what.domain() : domain_matches(host, what.domain());
    return host_fits && path_matches(to.path(), what.path());
}

} // namespace tandem::http
