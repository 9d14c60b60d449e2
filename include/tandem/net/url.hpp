// url: an absolute http, https, ws or wss URL, parsed and resolved as the WHATWG URL standard says
// (https://url.spec.whatwg.org/), which is what browsers do with the links they meet.
//
//     auto page = tandem::url("https://Example.org:443/a/b?q#top");      // throws on a bad URL
//     page.href();                                                       // "https://example.org/a/b?q#top"
//     if (auto link = tandem::url::parse("../c", page)) link->target();  // "/c"; no exception on this path
//
// Parsing also normalizes: lower-case scheme and host, IDNA, IPv4 and IPv6 in one spelling, no default port,
// no dot segments. Two URLs are equal when their normalized texts are; parsing href() again gives the same
// URL. The object is one string and a few offsets into it: each accessor that returns a string_view returns a
// piece of that string, valid until the url is assigned to, moved from or destroyed. Distinct objects may be
// used from distinct threads, and so may one object that nobody changes.
#pragma once

#include "tandem/net/percent.hpp"
#include "tandem/net/url_error.hpp"

#include <boost/system/result.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem {

namespace detail {
class url_parser;
}

class url {
public:
    /// Limit on the bytes of an input, and of the href that comes of it (encoding can triple an input).
    static constexpr std::size_t max_size = 64 * 1024;

    /// The empty url: empty() holds and every view is empty. Also what a url is after it was moved from.
    url() noexcept;

    /// Parses an absolute URL. Throws boost::system::system_error with a url_errc; what() quotes the input
    /// (without user name and password, cut after 200 bytes).
    explicit url(std::string_view input);

    url(const url& other);
    url(url&& other) noexcept;
    url& operator=(const url& other);
    url& operator=(url&& other) noexcept;
    ~url();

    /// Parses an absolute URL. Leading and trailing white space and all tabs and newlines are ignored, as
    /// browsers do. Bytes that are not UTF-8 count as U+FFFD. Linear in the size of the input. Fails with a
    /// url_errc.
    [[nodiscard]] static boost::system::result<url> parse(std::string_view input);

    /// Resolves `input`, absolute or relative, against `base` (an empty base is no base). An absolute
    /// reference of another kind, such as `mailto:x`, fails with unsupported_scheme. Fails with a url_errc.
    [[nodiscard]] static boost::system::result<url> parse(std::string_view input, const url& base);

    [[nodiscard]] bool empty() const noexcept { return href_.empty(); }

    /// The whole URL, serialized. With user name and password: print redacted() instead.
    [[nodiscard]] const std::string& href() const noexcept { return href_; }
    [[nodiscard]] std::string_view scheme() const noexcept;   ///< "https"; lower case, without the colon
    [[nodiscard]] std::string_view username() const noexcept; ///< percent-encoded; often empty
    [[nodiscard]] std::string_view password() const noexcept; ///< percent-encoded; often empty
    [[nodiscard]] std::string_view host() const noexcept;     ///< ASCII, lower case; IPv6 in brackets
    [[nodiscard]] std::string_view path() const noexcept;     ///< starts with '/'
    [[nodiscard]] std::string_view query() const noexcept;    ///< without '?'; see has_query()
    [[nodiscard]] std::string_view fragment() const noexcept; ///< without '#'; see has_fragment()

    [[nodiscard]] bool has_credentials() const noexcept; ///< a user name or a password is there
    [[nodiscard]] bool has_query() const noexcept;       ///< true also for an empty query: "/path?"
    [[nodiscard]] bool has_fragment() const noexcept;    ///< true also for an empty fragment: "/path#"

    /// The port as written, or nothing when it is the scheme's default.
    [[nodiscard]] std::optional<std::uint16_t> port() const noexcept;
    /// The port to connect to: port(), or 80 for http and ws, 443 for https and wss; 0 when empty.
    [[nodiscard]] std::uint16_t effective_port() const noexcept;

    /// The host as a resolver or connect() wants it: IPv6 without brackets.
    [[nodiscard]] std::string_view hostname_for_connect() const noexcept;
    /// Whether host() is an IPv4 or IPv6 address rather than a name.
    [[nodiscard]] bool host_is_ip() const noexcept { return at_.host_is_ip; }
    /// Whether the scheme is exactly https.
    [[nodiscard]] bool is_https() const noexcept { return scheme() == "https"; }

    /// The value of a Host header field: host[:port], without user name and password.
    [[nodiscard]] std::string_view authority() const noexcept;
    /// Path and query as a request line has them (origin-form, RFC 9112, section 3.2.1).
    [[nodiscard]] std::string_view target() const noexcept;
    /// Scheme, host and port: "https://example.org:8443"; empty when empty().
    [[nodiscard]] std::string origin() const;

    /// A copy without '#' and what follows: what a server sees and what a cache or a frontier keys by.
    [[nodiscard]] url without_fragment() const;
    /// href() with user name and password replaced by "***", for messages and logs.
    [[nodiscard]] std::string redacted() const;

    /// By href(), byte by byte.
    [[nodiscard]] friend bool operator==(const url& a, const url& b) noexcept { return a.href_ == b.href_; }
    [[nodiscard]] friend std::strong_ordering operator<=>(const url& a, const url& b) noexcept {
        return a.href_ <=> b.href_;
    }

private:
    friend class detail::url_parser;

    // https://user:pass@example.org:8443/a/b?query#fragment
    //      |  |   |     |          |    |   |     |
    //      |  |   |     |          |    |   |     fragment  (at '#', or the end)
    //      |  |   |     |          |    |   query           (at '?', or where the fragment is)
    //      |  |   |     |          |    path
    //      |  |   |     |          host_end
    //      |  |   |     host
    //      |  |   user_end                                  (at ':', at '@', or where the host is)
    //      |  user
    //      scheme_end
    struct offsets {
        std::uint32_t user_end = 0;
        std::uint32_t host = 0;
        std::uint32_t host_end = 0;
        std::uint32_t path = 0;
        std::uint32_t query = 0;
        std::uint32_t fragment = 0;
        std::uint16_t port = 0; // means something only when path != host_end
        std::uint8_t scheme_end = 0;
        std::uint8_t user = 0;
        bool host_is_ip = false;
    };

    [[nodiscard]] std::string_view slice(std::size_t from, std::size_t to) const noexcept {
        return std::string_view(href_).substr(from, to - from);
    }

    std::string href_;
    offsets at_;
};

/// Whether scheme, host and port are the same: what decides if credentials may follow a redirect. Two empty
/// urls, having no origin, are not of the same origin.
[[nodiscard]] bool same_origin(const url& a, const url& b) noexcept;

// Implementation

inline std::string_view url::scheme() const noexcept {
    return slice(0, at_.scheme_end);
}
inline std::string_view url::username() const noexcept {
    return slice(at_.user, at_.user_end);
}
inline std::string_view url::host() const noexcept {
    return slice(at_.host, at_.host_end);
}
inline std::string_view url::path() const noexcept {
    return slice(at_.path, at_.query);
}
inline std::string_view url::authority() const noexcept {
    return slice(at_.host, at_.path);
}
inline std::string_view url::target() const noexcept {
    return slice(at_.path, at_.fragment);
}
inline bool url::has_credentials() const noexcept {
    return at_.host != at_.user;
}
inline bool url::has_query() const noexcept {
    return at_.query != at_.fragment;
}
inline bool url::has_fragment() const noexcept {
    return at_.fragment != href_.size();
}

} // namespace tandem

template <>
struct std::hash<tandem::url> {
    std::size_t operator()(const tandem::url& value) const noexcept {
        return std::hash<std::string_view>()(value.href());
    }
};
