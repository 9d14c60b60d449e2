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

/// The strongest Digest challenge in the WWW-Authenticate fields that can be answered; nothing if there is
/// none (unknown algorithms, and a qop without `auth`, cannot).
[[nodiscard]] std::optional<digest_challenge> find_digest_challenge(const headers& fields);

/// The credentials of one user at one origin. Counts the uses of a nonce.
class digest_session {
public:
    digest_session(digest_challenge asked, std::string user, std::string password)
        : challenge_(std::move(asked)), user_(std::move(user)), password_(std::move(password)) {}

    [[nodiscard]] bool is_for(std::string_view user, std::string_view password) const noexcept {
        return user_ == user && password_ == password;
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
