#include "lib/http/proxy_authorization.hpp"

#include <optional>
#include <utility>

namespace tandem::http {

std::string proxy_authorization::next(const proxy& via, std::string_view method, std::string_view target) {
    rounds_.sent(false);
    if (!via.has_credentials() || via.is_socks()) return std::string();
    if (!known_.empty()) {
        if (digest_session* const session = known_.find(via.name(), via.user(), via.password())) {
            if (std::optional<std::string> digest = session->authorize(method, target)) {
                rounds_.sent(true);
                return std::move(*digest);
            }
        }
    }
    return via.authorization();
}

bool proxy_authorization::answer(const proxy& via, digest_challenge asked) {
    if (!via.has_credentials() || via.is_socks() || !rounds_.take(asked)) return false;
    known_.put(via.name(), via.user(), via.password(), std::move(asked));
    return true;
}

bool proxy_authorization::answer(const proxy& via, const headers& fields) {
    std::optional<digest_challenge> asked = find_digest_challenge(fields, "Proxy-Authenticate");
    return asked && answer(via, std::move(*asked));
}

} // namespace tandem::http
