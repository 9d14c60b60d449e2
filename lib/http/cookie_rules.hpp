// Which cookies may be set, and where they go: the predicates of RFC 6265bis, 5.1 and 5.7.
#pragma once

#include <tandem/http/cookie.hpp>
#include <tandem/net/url.hpp>

#include <string_view>

namespace tandem::http {

/// What cookies share a bound by and are looked up by: the registrable domain, or the host where there is
/// none.
[[nodiscard]] std::string_view cookie_site(std::string_view host);

/// `host` is `domain` or below it (5.1.3); for names, not for addresses.
[[nodiscard]] bool domain_matches(std::string_view host, std::string_view domain) noexcept;

/// 5.1.4.
[[nodiscard]] bool path_matches(std::string_view request_path, std::string_view cookie_path) noexcept;
[[nodiscard]] std::string_view default_cookie_path(std::string_view request_path) noexcept;

/// https and wss.
[[nodiscard]] bool is_secure(const url& where) noexcept;

/// A name that begins with __Secure- or __Host- keeps its promise (5.7, in any case of letters).
[[nodiscard]] bool keeps_prefix_promise(const cookie& what, bool path_given) noexcept;

/// Sizes and characters that a Cookie field can carry: nothing that ends a pair or a line.
[[nodiscard]] bool is_well_formed(const cookie& what) noexcept;

/// The cookie goes with a request to `to` (but for its expiry).
[[nodiscard]] bool applies_to(const cookie& what, const url& to) noexcept;

} // namespace tandem::http
