#include "lib/net/tls_session_cache.hpp"

#include <ctime>
#include <iterator>
#include <utility>

#include <openssl/ssl.h>

namespace tandem::net {

namespace {

bool is_usable(const SSL_SESSION* session) noexcept {
    if (SSL_SESSION_is_resumable(session) != 1) return false;
    const long age = static_cast<long>(std::time(nullptr)) - SSL_SESSION_get_time(session);
    return age >= 0 && age < SSL_SESSION_get_timeout(session);
}

} // namespace

void tls_session_cache::deleter::operator()(ssl_session_st* session) const noexcept {
    SSL_SESSION_free(session);
}

void tls_session_cache::erase(order::iterator which) {
    const auto found = hosts_.find(which->host);
    found->second.remove(which);
    if (found->second.empty()) hosts_.erase(found);
    entries_.erase(which);
}

tls_session_cache::session tls_session_cache::take(const std::string& host) {
    const std::lock_guard lock(mutex_);
    for (auto found = hosts_.find(host); found != hosts_.end(); found = hosts_.find(host)) {
        const order::iterator newest = found->second.front();
        SSL_SESSION* const kept = newest->kept.get();
        if (is_usable(kept) && SSL_SESSION_get_protocol_version(kept) < TLS1_3_VERSION) {
            entries_.splice(entries_.begin(), entries_, newest);
            SSL_SESSION_up_ref(kept);
            return session(kept);
        }
        session taken = std::move(newest->kept);
        erase(newest);
        if (is_usable(taken.get())) return taken;
    }
    return session();
}

void tls_session_cache::put(const std::string& host, session s) {
    if (most_ == 0 || !is_usable(s.get())) return;
    const std::lock_guard lock(mutex_);
    order fresh; // all that may fail comes first
    fresh.emplace_front(host, std::move(s));
    std::list<order::iterator> link(1, fresh.begin());
    std::list<order::iterator>& same = hosts_.try_emplace(host).first->second;
    entries_.splice(entries_.begin(), fresh);
    same.splice(same.begin(), link);
    if (same.size() > most_per_host) erase(same.back());
    while (entries_.size() > most_)
        erase(std::prev(entries_.end()));
}

std::size_t tls_session_cache::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

} // namespace tandem::net
