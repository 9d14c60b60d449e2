// credentials: who a client is, for servers that ask (RFC 9110, 11).
//
//     http::client web(http::client_options().credentials(
//         "https://api.example.org", http::credentials::bearer(token)));
//     auto page = co_await web.send(http::request(url).auth(http::credentials::digest("joe", password)));
//
// Credentials are sent to the origin (scheme, host and port) that they were given for, and to no other: not
// where a redirect leads.
#pragma once

#include <string>
#include <string_view>

namespace tandem::http {

/// A value. Not printed anywhere by this library.
class credentials {
public:
    enum class scheme { basic, bearer, digest };

    /// RFC 7617: sent with the first request, as good as readable. Throws std::invalid_argument for a user
    /// name with a colon, and for control characters.
    [[nodiscard]] static credentials basic(std::string user, std::string password);
    /// RFC 6750. Throws std::invalid_argument for what is no token of that kind: letters, digits, "-._~+/"
    /// and "=" at the end.
    [[nodiscard]] static credentials bearer(std::string token);
    /// RFC 7616, algorithms SHA-256 and MD5 and their -sess forms, quality of protection `auth`. The first
    /// request to an origin goes out without, is answered with 401, and is repeated; the next ones use what
    /// that answer said. So a body must be repeatable. Throws std::invalid_argument for control characters.
    [[nodiscard]] static credentials digest(std::string user, std::string password);

    [[nodiscard]] scheme kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& user() const noexcept { return user_; } ///< empty for a bearer
    /// The password or the token.
    [[nodiscard]] const std::string& secret() const noexcept { return secret_; }

    /// The value of an Authorization field for basic and bearer; empty for digest, which needs a challenge.
    [[nodiscard]] std::string authorization() const;

private:
    credentials(scheme kind, std::string user, std::string secret);

    scheme kind_;
    std::string user_;
    std::string secret_;
};

} // namespace tandem::http
