#include "tandem/http/credentials.hpp"

#include "lib/http/base64.hpp"
#include "lib/http/chars.hpp"

#include <stdexcept>
#include <utility>

namespace tandem::http {

namespace {

void refuse_controls(std::string_view text, const char* what) {
    if (detail::has_control(text))
        throw std::invalid_argument(std::string("http::credentials: a control character in the ") + what);
}

bool is_token68(std::string_view text) noexcept {
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    if (text.empty()) return false;
    for (const char c : text) {
        const char lower = detail::to_lower(c);
        if (!detail::is_digit(c) && !(lower >= 'a' && lower <= 'z') &&
            std::string_view("-._~+/").find(c) == std::string_view::npos)
            return false;
    }
    return true;
}

} // namespace

credentials::credentials(scheme kind, std::string user, std::string secret)
    : kind_(kind), user_(std::move(user)), secret_(std::move(secret)) {}

credentials credentials::basic(std::string user, std::string password) {
    if (user.find(':') != std::string::npos)
        throw std::invalid_argument(
            "http::credentials: a user name cannot have a colon in Basic authentication");
    refuse_controls(user, "user name");
    refuse_controls(password, "password");
    return credentials(scheme::basic, std::move(user), std::move(password));
}

credentials credentials::bearer(std::string token) {
    if (!is_token68(token))
        throw std::invalid_argument("http::credentials: not a bearer token (RFC 6750, 2.1)");
    return credentials(scheme::bearer, std::string(), std::move(token));
}

credentials credentials::digest(std::string user, std::string password) {
    refuse_controls(user, "user name");
    refuse_controls(password, "password");
    return credentials(scheme::digest, std::move(user), std::move(password));
}

std::string credentials::authorization() const {
    switch (kind_) {
    case scheme::basic:
        return "Basic " + base64(user_ + ':' + secret_);
    case scheme::bearer:
        return "Bearer " + secret_;
    case scheme::digest:
        break;
    }
    return std::string();
}

} // namespace tandem::http
