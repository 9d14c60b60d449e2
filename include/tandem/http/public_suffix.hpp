// Public suffixes: the part of a host name under which anybody can register names (com, co.uk, github.io), by
// the Public Suffix List (https://publicsuffix.org/) as libpsl has it built in. Where the names below end to
// belong together: no cookie may be set for a whole public suffix, and a limit for each site goes by the
// registrable domain.
//
// Host names are given as url::host() gives them: ASCII, lower case, names in Unicode in their IDNA form.
// Both functions may be called from any thread. The list is the one of the libpsl that is installed, which
// its distribution keeps up to date; a suffix that is not in it has one label.
#pragma once

#include <string_view>

namespace tandem::http {

/// Whether `host` is a public suffix itself: "com", "co.uk"; also every name of one label, such as
/// "localhost". IP addresses and the empty name are none. One dot at the end is ignored.
[[nodiscard]] bool is_public_suffix(std::string_view host);

/// The public suffix of `host` and the label before it: "example.co.uk" of "www.example.co.uk". It is a piece
/// of `host`. Empty when there is none: for a public suffix, an IP address, and what is no host name (it
/// begins with a dot, or has an empty label). One dot at the end belongs to the result.
[[nodiscard]] std::string_view registrable_domain(std::string_view host);

} // namespace tandem::http
