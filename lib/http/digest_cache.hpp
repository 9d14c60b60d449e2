// The digest sessions of one client, so that only the first request to an origin is answered with 401.
#pragma once

#include "lib/http/digest_auth.hpp"

#include <tandem/http/credentials.hpp>
#include <tandem/net/url.hpp>

#include <string>
#include <unordered_map>
#include <utility>

namespace tandem::http {

/// Belongs to the client's scheduler. At most 256 sessions: beyond that all are forgotten, which costs each
/// origin another 401.
class digest_cache {
public:
    /// The session for a URL's origin and this user; null when there is none with this password.
    [[nodiscard]] digest_session* find(const url& where, const credentials& who) {
        if (sessions_.empty()) return nullptr;
        const auto found = sessions_.find(key(where, who));
        if (found == sessions_.end() || !found->second.is_for(who.user(), who.secret())) return nullptr;
        return &found->second;
    }
    void put(const url& where, const credentials& who, digest_challenge asked) {
        if (sessions_.size() >= most) sessions_.clear();
        sessions_.insert_or_assign(key(where, who),
                                   digest_session(std::move(asked), who.user(), who.secret()));
    }

private:
    static constexpr std::size_t most = 256;
    static std::string key(const url& where, const credentials& who) {
        return where.origin() + '\n' + who.user();
    }

    std::unordered_map<std::string, digest_session> sessions_;
};

} // namespace tandem::http
