// Credentials of an exchange: which belong to the URL at hand and to the proxy, and the answers to 401 and
// 407.
#include "lib/http/exchange.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/connector.hpp"
#include "lib/http/digest_auth.hpp"

#include <string_view>

namespace tandem::http {

namespace {

// What credentials::basic takes; a netrc is written for other protocols, too.
bool fits_basic(std::string_view login, std::string_view password) noexcept {
    return login.find(':') == std::string_view::npos && !detail::has_control(login) &&
           !detail::has_control(password);
}

} // namespace

// What was given for this request and its first origin, then what the client has for the origin at hand, then
// the netrc, which knows hosts only and thus serves the first origin only.
const credentials* exchange::credentials_here() {
    if (!drop_credentials_ && request_.auth()) return &*request_.auth();
    if (const credentials* configured = client_.options.credentials_for(url_)) return configured;
    const netrc& entries = client_.options.netrc();
    if (drop_credentials_ || entries.size() == 0) return nullptr;
    if (!from_netrc_) {
        const netrc_entry* const entry = entries.find(url_.hostname_for_connect());
        if (!entry || entry->login.empty() || !fits_basic(entry->login, entry->password)) return nullptr;
        from_netrc_ = credentials::basic(entry->login, entry->password);
    }
    return &*from_netrc_;
}

void exchange::add_authorization(http::headers& fields) {
    rounds_.sent(false);
    if (fields.contains("Authorization")) return;
    const credentials* const who = credentials_here();
    if (!who) return;
    if (who->kind() != credentials::scheme::digest) {
        fields.add("Authorization", who->authorization());
        return;
    }
    digest_session* const session = client_.digests.find(url_.origin(), who->user(), who->secret());
    if (!session) return;
    const auto answer = session->authorize(method_name(), url_.target());
    rounds_.sent(answer && fields.try_add("Authorization", *answer));
}

// True when the request is to be sent again.
bool exchange::answer_challenge(const http::headers& fields) {
    if (!body_repeatable()) return false;
    const bool given_by_hand = !drop_credentials_ && (request_.headers().contains("Authorization") ||
                                                      client_.options.headers().contains("Authorization"));
    const credentials* const who = given_by_hand ? nullptr : credentials_here();
    if (!who || who->kind() != credentials::scheme::digest) return false;
    auto asked = find_digest_challenge(fields);
    if (!asked || !rounds_.take(*asked)) return false;
    client_.digests.put(url_.origin(), who->user(), who->secret(), std::move(*asked));
    return true;
}

// Of a request that the proxy itself reads. What is given by hand comes first.
void exchange::add_proxy_authorization(http::headers& fields, const proxy& by) {
    told_proxy_ = by.has_credentials() && !fields.contains("Proxy-Authorization");
    if (!told_proxy_) return;
    const std::string who = proxy_authorization_.next(by, method_name(), absolute_form(url_));
    if (!who.empty()) static_cast<void>(fields.try_add("Proxy-Authorization", who));
}

// The same for the proxy, and its 407.
bool exchange::answer_proxy(const http::headers& fields) {
    if (!told_proxy_ || !body_repeatable()) return false;
    return proxy_authorization_.answer(*via(), fields);
}

} // namespace tandem::http
