// What a redirect asks for, and what of the request may go along (the Fetch standard's "HTTP-redirect
// fetch").
#pragma once

#include <tandem/http/headers.hpp>
#include <tandem/net/url.hpp>

#include <string_view>

namespace tandem::http {

class redirect {
public:
    enum class verdict {
        none,     // no redirect, or not one that can be followed: the response is the answer
        follow,   // to `target`
        insecure, // from https to http
    };
    redirect() noexcept {}

    verdict what = verdict::none;
    tandem::url target;      // without user name and password, with the fragment that applies
    bool to_get = false;     // the method becomes GET and the body is dropped
    bool new_origin = false; // credentials must not go along
};

/// Reads a response to `method` for `from`. Only http and https targets count; a Location that is missing,
/// does not parse or is of another scheme, and several that differ, give verdict::none.
[[nodiscard]] redirect read_redirect(int status, const headers& fields, const url& from,
                                     std::string_view method);

/// Fields that belong to one origin: Authorization, Proxy-Authorization, Cookie, Host, and Referer, which
/// could tell one origin about another.
[[nodiscard]] bool is_bound_to_origin(std::string_view field_name) noexcept;

/// Fields that describe a body, dropped along with it.
[[nodiscard]] bool describes_body(std::string_view field_name) noexcept;

/// A copy without user name and password.
[[nodiscard]] url without_credentials(const url& from);

} // namespace tandem::http
