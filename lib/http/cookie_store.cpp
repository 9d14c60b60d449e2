#include "lib/http/cookie_store.hpp"

#include "lib/http/cookie_rules.hpp"

#include <algorithm>
#include <utility>

namespace tandem::http {

void cookie_store::put(cookie what, time_point now) {
    const std::string_view site = cookie_site(what.domain());
    auto place = sites_.find(site);
    if (place == sites_.end()) place = sites_.emplace(std::string(site), records()).first;
    records& here = place->second;
    const auto old = std::find_if(here.begin(), here.end(), [&](const record& r) {
        return r.what.name() == what.name() && r.what.domain() == what.domain() &&
               r.what.host_only() == what.host_only() && r.what.path() == what.path();
    });
    record added(std::move(what));
    added.created = added.used = ++uses_;
    if (old != here.end()) {
        added.created = old->created;
        here.erase(old);
        --size_;
    }
    if (!added.expired(now)) {
        here.push_back(std::move(added));
        ++size_;
        if (here.size() > limits_.max_per_site()) bound_site(here, now);
    }
    if (here.empty()) sites_.erase(place);
    if (size_ > limits_.max_cookies()) bound_all(now);
}

// Expired ones, then those without Secure, then any; the one not used for longest first.
void cookie_store::bound_site(records& site, time_point now) {
    const std::size_t before = site.size();
    std::erase_if(site, [&](const record& r) { return r.expired(now); });
    while (site.size() > limits_.max_per_site()) {
        const auto least = std::min_element(site.begin(), site.end(), [](const record& a, const record& b) {
            return std::pair(a.what.secure(), a.used) < std::pair(b.what.secure(), b.used);
        });
        site.erase(least);
    }
    size_ -= before - site.size();
}

// A tenth at a time, so that a flood of cookies does not make each of them cost a walk over all.
void cookie_store::bound_all(time_point now) {
    remove_if([&](const record& r) { return r.expired(now); });
    if (size_ <= limits_.max_cookies()) return;
    const std::size_t excess = size_ - (limits_.max_cookies() - limits_.max_cookies() / 10);
    std::vector<std::uint64_t> uses;
    uses.reserve(size_);
    for (const auto& [key, site] : sites_)
        for (const record& r : site)
            uses.push_back(r.used);
    const auto last = uses.begin() + static_cast<std::ptrdiff_t>(excess - 1);
    std::nth_element(uses.begin(), last, uses.end());
    remove_if([bound = *last](const record& r) { return r.used <= bound; });
}

bool cookie_store::has_secure_twin(const cookie& what) const {
    const auto place = sites_.find(cookie_site(what.domain()));
    if (place == sites_.end()) return false;
    return std::any_of(place->second.begin(), place->second.end(), [&](const record& r) {
        return r.what.secure() && r.what.name() == what.name() &&
               (domain_matches(r.what.domain(), what.domain()) ||
                domain_matches(what.domain(), r.what.domain())) &&
               path_matches(what.path(), r.what.path());
    });
}

std::vector<cookie_store::record*> cookie_store::select(const url& to, time_point now) {
    std::vector<record*> chosen;
    if (size_ == 0) return chosen;
    const auto place = sites_.find(cookie_site(to.host()));
    if (place == sites_.end()) return chosen;
    for (record& r : place->second)
        if (!r.expired(now) && applies_to(r.what, to)) chosen.push_back(&r);
    std::sort(chosen.begin(), chosen.end(), [](const record* a, const record* b) {
        const std::size_t left = a->what.path().size(), right = b->what.path().size();
        return left != right ? left > right : a->created < b->created;
    });
    return chosen;
}

std::vector<const cookie_store::record*> cookie_store::all(time_point now) const {
    std::vector<const record*> chosen;
    for (const auto& [key, site] : sites_)
        for (const record& r : site)
            if (!r.expired(now)) chosen.push_back(&r);
    std::sort(chosen.begin(), chosen.end(),
              [](const record* a, const record* b) { return a->created < b->created; });
    return chosen;
}

} // namespace tandem::http
