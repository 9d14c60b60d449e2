#include "examples/crawler/scope.hpp"

#include <algorithm>

namespace crawler {

namespace {

// host[:port]; http://a/ and https://a/ are the same place.
std::string place_of(const tandem::url& u) {
    std::string place(u.host());
    if (u.port()) place += ':' + std::to_string(*u.port());
    return place;
}

std::string domain_of(const tandem::url& u) {
    std::string_view host = u.host();
    // "www.com" is a domain itself: without its "www." it would admit all of .com.
    if (!u.host_is_ip() && host.starts_with("www.") && host.find('.', 4) != std::string_view::npos)
        host.remove_prefix(4);
    return std::string(host);
}

} // namespace

void scope::add_seed(const tandem::url& seed) {
    std::string entry;
    switch (kind_) {
    case scope_kind::host:
        entry = place_of(seed);
        break;
    case scope_kind::domain:
        entry = domain_of(seed);
        break;
    case scope_kind::prefix: {
        const std::string_view path = seed.path();
        entry = seed.origin() + std::string(path.substr(0, path.rfind('/') + 1));
        break;
    }
    }
    if (std::find(allowed_.begin(), allowed_.end(), entry) == allowed_.end())
        allowed_.push_back(std::move(entry));
}

bool scope::contains(const tandem::url& u) const {
    switch (kind_) {
    case scope_kind::host: {
        const std::string place = place_of(u);
        return std::find(allowed_.begin(), allowed_.end(), place) != allowed_.end();
    }
    case scope_kind::domain: {
        const std::string_view host = u.host();
        return std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& domain) {
            if (host == domain) return true;
            return !u.host_is_ip() && host.size() > domain.size() && host.ends_with(domain) &&
                   host[host.size() - domain.size() - 1] == '.';
        });
    }
    case scope_kind::prefix: {
        const std::string whole = u.origin() + std::string(u.path());
        return std::any_of(allowed_.begin(), allowed_.end(),
                           [&](const std::string& prefix) { return whole.starts_with(prefix); });
    }
    }
    return false;
}

} // namespace crawler
