// Who asks, as a proxy is told: by Basic, or by Digest (RFC 7616) where it has asked for that.
#pragma once

#include "lib/http/digest_cache.hpp"

#include <tandem/http/headers.hpp>
#include <tandem/http/proxy.hpp>

#include <string>
#include <string_view>

namespace tandem::http {

/// Of one request, or of one CONNECT. What proxies have asked for is remembered in the client's cache.
class proxy_authorization {
public:
    explicit proxy_authorization(digest_cache& known) noexcept : known_(known) {}

    /// The value of Proxy-Authorization for the next request to `via`; empty: none. `target` as the request
    /// line has it (RFC 7616, 3.4).
    [[nodiscard]] std::string next(const proxy& via, std::string_view method, std::string_view target);

    /// After a 407 to it: true when it is to be sent again, which is said twice at most, and not for a
    /// password that was refused.
    [[nodiscard]] bool answer(const proxy& via, digest_challenge asked);
    /// The same with the fields of the 407.
    [[nodiscard]] bool answer(const proxy& via, const headers& fields);

    /// A redirect has made it another request.
    void restart() noexcept { rounds_ = digest_rounds(); }

private:
    digest_cache& known_;
    digest_rounds rounds_;
};

} // namespace tandem::http
