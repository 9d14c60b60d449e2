// Digest authentication (RFC 7616): what a challenge asks for, and the answer to it.
#pragma once

#include <tandem/http/headers.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::http {

enum class digest_algorithm { md5, md5_sess, sha256, sha256_sess };

/// A challenge that can be answered.
class digest_challenge {
public:
    digest_challenge() noexcept {}
    std::string realm;
    std::string nonce;
    std::optional<std::string> opaque;
    digest_algorithm algorithm = digest_algorithm::md5;
    bool algorithm_named = false; // it is named in the answer then
    bool qop_auth = false;        // false: the form of RFC 2069, without client nonce and count
    bool stale = false;           // the nonce is old; the password may be right
};

/// The strongest Digest challenge in the fields of that name that can be answered; nothing if there is none
/// (unknown algorithms, and a qop without `auth`, cannot).
[[nodiscard]] std::optional<digest_challenge>
find_digest_challenge(const headers& fields, std::string_view name = "WWW-Authenticate");

/// How often one request has answered challenges: whoever calls every nonce stale would be asked for ever,
/// and a password that was refused is not tried again.
class digest_rounds {
public:
    /// Whether the request that goes out now has an answer to a challenge, maybe to an old one.
    void sent(bool digest) noexcept { sent_ = digest; }

    /// Whether to answer `asked`, and counts it.
    [[nodiscard]] bool take(const digest_challenge& asked) noexcept {
        // After an answer to this very challenge only an old nonce is a reason to try again.
        if (answered_ == most || (answered_ > 0 && sent_ && !asked.stale)) return false;
        ++answered_;
        return true;
    }

private:
    static constexpr unsigned most = 2;
    unsigned answered_ = 0;
    bool sent_ = false;
};

/// The credentials of one user at one origin, or proxy. Counts the uses of a nonce.
class digest_session {
public:
    digest_session(digest_challenge asked, std::string user, std::string password)
        : challenge_(std::move(asked)), user_(std::move(user)), password_(std::move(password)) {}

    [[nodiscard]] bool is_for(std::string_view user, std::string_view password) const noexcept {
        return user_ == user && password_ == password;
    }

    /// Whether `asked` is what this answers already.
    [[nodiscard]] bool answers(const digest_challenge& asked) const noexcept {
        return challenge_.nonce == asked.nonce && challenge_.realm == asked.realm &&
               challenge_.opaque == asked.opaque && challenge_.algorithm == asked.algorithm &&
               challenge_.qop_auth == asked.qop_auth;
    }

    /// The value of the next request's Authorization field. Nothing when the system's OpenSSL has no such
    /// digest or no random bytes. `client_nonce` is for tests; otherwise it is drawn.
    [[nodiscard]] std::optional<std::string> authorize(std::string_view method, std::string_view target,
                                                       std::string_view client_nonce = std::string_view());

private:
    digest_challenge challenge_;
    std::string user_;
    std::string password_;
    std::uint32_t uses_ = 0;
};

} // namespace tandem::http
