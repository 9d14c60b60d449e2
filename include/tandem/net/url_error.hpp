// Why a URL was refused.
#pragma once

#include <boost/system/error_code.hpp>

namespace tandem {

/// The ways in which url::parse fails. `error_code::message()` explains each in a sentence.
enum class url_errc {
    empty = 1,             ///< nothing but white space, and no base to resolve it against
    relative_without_base, ///< no scheme, and no base to resolve it against
    unsupported_scheme,    ///< a valid scheme, but not http, https, ws or wss (`mailto:`, `data:`, ...)
    missing_host,          ///< nothing where the host should be
    invalid_host,          ///< neither a domain name that IDNA and the URL standard allow nor an IP address
    invalid_port,          ///< not a number, or above 65535
    too_long,              ///< input or result longer than url::max_size bytes
};

/// The category of url_errc ("tandem.url"). One object for the process; safe from any thread.
[[nodiscard]] const boost::system::error_category& url_category() noexcept;

/// Found by argument-dependent lookup, so that a url_errc converts to an error_code.
[[nodiscard]] boost::system::error_code make_error_code(url_errc error) noexcept;

} // namespace tandem

template <>
struct boost::system::is_error_code_enum<tandem::url_errc> : std::true_type {};
