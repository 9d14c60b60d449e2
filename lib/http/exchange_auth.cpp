// Credentials of an exchange: which belong to the URL at hand, and the answer to a 401.
#include "lib/http/exchange.hpp"

#include "lib/http/digest_auth.hpp"

namespace tandem::http {

namespace {

// A server that calls every nonce stale would be asked for ever.
constexpr unsigned most_challenges = 2;

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
        if (!entry || entry->login.empty() || entry->login.find(':') != std::string::npos) return nullptr;
        from_netrc_ = credentials::basic(entry->login, entry->password);
    }
    return &*from_netrc_;
}

void exchange::add_authorization(http::headers& fields) {
    digest_sent_ = false;
    if (fields.contains("Authorization")) return;
    const credentials* const who = credentials_here();
    if (!who) return;
    if (who->kind() != credentials::scheme::digest) {
        fields.add("Authorization", who->authorization());
        return;
    }
    digest_session* const session = client_.digests.find(url_, *who);
    if (!session) return;
    const auto answer = session->authorize(method_name(), url_.target());
    digest_sent_ = answer && fields.try_add("Authorization", *answer);
}

// True when the request is to be sent again.
bool exchange::answer_challenge(const http::headers& fields) {
    if (challenges_ == most_challenges || !body_repeatable()) return false;
    const bool given_by_hand = !drop_credentials_ && (request_.headers().contains("Authorization") ||
                                                      client_.options.headers().contains("Authorization"));
    const credentials* const who = given_by_hand ? nullptr : credentials_here();
    if (!who || who->kind() != credentials::scheme::digest) return false;
    auto asked = find_digest_challenge(fields);
    // After an answer to this very challenge only an old nonce is a reason to try again: the password is
    // wrong.
    if (!asked || (challenges_ > 0 && digest_sent_ && !asked->stale)) return false;
    ++challenges_;
    client_.digests.put(url_, *who, std::move(*asked));
    return true;
}

} // namespace tandem::http
