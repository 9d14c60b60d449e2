#include "tandem/http/cookie_jar.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/cookie_rules.hpp"
#include "lib/http/cookie_store.hpp"
#include "lib/http/set_cookie.hpp"

#include <tandem/http/public_suffix.hpp>

#include <algorithm>
#include <mutex>
#include <optional>

namespace tandem::http {

class cookie_jar::store {
public:
    explicit store(const cookie_jar_options& limits) : cookies(limits) {}
    mutable std::mutex mutex;
    cookie_store cookies;
};

namespace {

using std::chrono::system_clock;

// Counted in seconds: years beyond 2262 do not fit into the clock's nanoseconds.
system_clock::time_point bounded_expiry(std::chrono::sys_seconds when, system_clock::time_point now) {
    const auto today = std::chrono::floor<std::chrono::seconds>(now);
    return system_clock::time_point(std::min(when, today + cookie_jar::max_age));
}

std::optional<system_clock::time_point> expiry_of(const set_cookie& field, system_clock::time_point now) {
    if (field.max_age) {
        if (field.max_age->count() <= 0) return system_clock::time_point::min();
        return bounded_expiry(std::chrono::floor<std::chrono::seconds>(now) + *field.max_age, now);
    }
    if (field.expires) {
        // What lies in the past needs no precise date.
        if (*field.expires <= std::chrono::floor<std::chrono::seconds>(now))
            return system_clock::time_point::min();
        return bounded_expiry(*field.expires, now);
    }
    return std::nullopt;
}

// Fills in the cookie's domain; false when the host may not set it.
bool take_domain(cookie& what, std::string_view given, const url& from) {
    const std::string_view host = from.host();
    std::string domain;
    domain.reserve(given.size());
    for (const char c : given)
        domain += detail::to_lower(c);
    if (domain.empty() || domain == host) {
        // A whole public suffix, or an address, can only speak for itself.
        const bool alone = domain.empty() || from.host_is_ip() || is_public_suffix(host);
        what.domain(std::string(host)).host_only(alone);
        return true;
    }
    if (from.host_is_ip() || !domain_matches(host, domain) || is_public_suffix(domain)) return false;
    if (cookie_site(domain) != cookie_site(host)) return false; // above a suffix that the host is under
    what.domain(std::move(domain)).host_only(false);
    return true;
}

} // namespace

cookie_jar::cookie_jar() : cookie_jar(cookie_jar_options()) {}
cookie_jar::cookie_jar(cookie_jar_options options) : store_(std::make_unique<store>(options)) {}
cookie_jar::~cookie_jar() = default;

bool cookie_jar::set(const url& from, std::string_view text, time_point now) {
    const std::optional<set_cookie> field = parse_set_cookie(text);
    if (!field || from.empty()) return false;
    cookie what{std::string(field->name), std::string(field->value)};
    if (!take_domain(what, field->domain.value_or(std::string_view()), from)) return false;
    what.path(std::string(field->path ? *field->path : default_cookie_path(from.path())));
    what.expires(expiry_of(*field, now)).secure(field->secure).http_only(field->http_only);
    // A TAB is what separates the fields of a saved cookie.
    if (what.path().size() > max_attribute_bytes || what.path().find('\t') != std::string::npos) return false;
    if (what.secure() && !is_secure(from)) return false;
    if (!keeps_prefix_promise(what, field->has_path)) return false;

    const std::lock_guard lock(store_->mutex);
    if (!what.secure() && !is_secure(from) && store_->cookies.has_secure_twin(what)) return false;
    store_->cookies.put(std::move(what), now);
    return true;
}

bool cookie_jar::add(cookie what, time_point now) {
    const auto host = url::parse("http://" + what.domain() + "/");
    if (!host || host->authority() != what.domain() || !is_well_formed(what)) return false;
    if (!what.host_only() && (host->host_is_ip() || is_public_suffix(what.domain()))) return false;
    if (!keeps_prefix_promise(what, true)) return false;
    if (what.expires()) what.expires(std::min(*what.expires(), now + max_age));
    const std::lock_guard lock(store_->mutex);
    store_->cookies.put(std::move(what), now);
    return true;
}

std::string cookie_jar::header_for(const url& to, time_point now) {
    std::string text;
    const std::lock_guard lock(store_->mutex);
    const cookie_jar_options& limits = store_->cookies.limits();
    std::size_t sent = 0;
    for (cookie_store::record* r : store_->cookies.select(to, now)) {
        const cookie& c = r->what;
        const std::size_t more = (text.empty() ? 0 : 2) + c.name().size() + 1 + c.value().size();
        if (sent == limits.max_sent()) break;
        if (text.size() + more > limits.max_sent_bytes()) continue;
        if (!text.empty()) text += "; ";
        text.append(c.name()).append(1, '=').append(c.value());
        store_->cookies.touch(*r);
        ++sent;
    }
    return text;
}

std::vector<cookie> cookie_jar::cookies_for(const url& to, time_point now) const {
    std::vector<cookie> found;
    const std::lock_guard lock(store_->mutex);
    for (const cookie_store::record* r : store_->cookies.select(to, now))
        found.push_back(r->what);
    return found;
}

std::vector<cookie> cookie_jar::cookies(time_point now) const {
    std::vector<cookie> found;
    const std::lock_guard lock(store_->mutex);
    for (const cookie_store::record* r : store_->cookies.all(now))
        found.push_back(r->what);
    return found;
}

std::size_t cookie_jar::size() const noexcept {
    const std::lock_guard lock(store_->mutex);
    return store_->cookies.size();
}

bool cookie_jar::remove(std::string_view domain, std::string_view path, std::string_view name) {
    const std::lock_guard lock(store_->mutex);
    return store_->cookies.remove_if([&](const cookie_store::record& r) {
        return r.what.domain() == domain && r.what.path() == path && r.what.name() == name;
    }) > 0;
}

void cookie_jar::clear() {
    const std::lock_guard lock(store_->mutex);
    store_->cookies.remove_if([](const cookie_store::record&) { return true; });
}

void cookie_jar::clear_session() {
    const std::lock_guard lock(store_->mutex);
    store_->cookies.remove_if([](const cookie_store::record& r) { return !r.what.expires(); });
}

} // namespace tandem::http
