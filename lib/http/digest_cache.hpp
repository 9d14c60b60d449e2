// The digest sessions of one client, so that only the first request to an origin is answered with
// 401, and the first to a proxy with 407.
#pragma once

#include "lib/http/digest_auth.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tandem::http {

/// Belongs to the client's scheduler. At most 256 sessions: beyond that all are forgotten, which costs each
/// origin another 401. `where` is an origin; a cache for proxies has their names.
class digest_cache {
public:
    [[nodiscard]] bool empty() const noexcept { return sessions_.empty(); }

    /// The session there of this user; null when there is none with this password.
    [[nodiscard]] digest_session* find(std::string_view where, std::string_view user,
                                       std::string_view password) {
        const auto found = sessions_.find(key(where, user));
        if (found == sessions_.end() || !found->second.is_for(user, password)) return nullptr;
        return &found->second;
    }
    void put(std::string_view where, const std::string& user, const std::string& password,
             digest_challenge asked) {
        // Another request was given the same nonce: its count goes on (RFC 7616, 3.4).
        if (digest_session* const known = find(where, user, password); known && known->answers(asked)) return;
        if (sessions_.size() >= most) sessions_.clear();
        sessions_.insert_or_assign(key(where, user), digest_session(std::move(asked), user, password));
    }

private:
    static constexpr std::size_t most = 256;
    static std::string key(std::string_view where, std::string_view user) {
        return std::string(where).append(1, '\n').append(user);
    }

    std::unordered_map<std::string, digest_session> sessions_;
};

} // namespace tandem::http
