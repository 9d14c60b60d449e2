#include "lib/net/dns_cache.hpp"

#include <algorithm>

namespace tandem::net {

std::vector<ip_address> interleave(const std::vector<ip_address>& addresses, bool six_first) {
    std::vector<ip_address> six;
    std::vector<ip_address> four;
    for (const ip_address& address : addresses) {
        std::vector<ip_address>& family = address.is_v6() ? six : four;
        // A linear search, but in at most 64 addresses.
        if (family.size() < most_addresses &&
            std::find(family.begin(), family.end(), address) == family.end())
            family.push_back(address);
    }
    std::vector<ip_address> mixed;
    mixed.reserve(std::min(six.size() + four.size(), most_addresses));
    const std::vector<ip_address>& first = six_first ? six : four;
    const std::vector<ip_address>& second = six_first ? four : six;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size() && mixed.size() < most_addresses) mixed.push_back(first[i]);
        if (i < second.size() && mixed.size() < most_addresses) mixed.push_back(second[i]);
    }
    return mixed;
}

std::shared_ptr<const dns_answer> dns_cache::find(const std::string& name, time_point now) {
    const auto found = index_.find(name);
    if (found == index_.end()) return nullptr;
    const auto place = found->second;
    if (place->second->expires <= now) {
        index_.erase(found);
        entries_.erase(place);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, place);
    return place->second;
}

void dns_cache::store(const std::string& name, std::shared_ptr<const dns_answer> answer, time_point now) {
    if (most_ == 0 || answer->expires <= now) return;
    if (const auto found = index_.find(name); found != index_.end()) {
        found->second->second = std::move(answer);
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    if (entries_.size() >= most_) {
        index_.erase(entries_.back().first);
        entries_.pop_back();
    }
    entries_.emplace_front(name, std::move(answer));
    index_.emplace(name, entries_.begin());
}

void dns_cache::forget(const std::string& name, const dns_answer& answer) {
    const auto found = index_.find(name);
    if (found == index_.end() || found->second->second.get() != &answer) return;
    entries_.erase(found->second);
    index_.erase(found);
}

void dns_cache::clear() noexcept {
    index_.clear();
    entries_.clear();
}

} // namespace tandem::net
