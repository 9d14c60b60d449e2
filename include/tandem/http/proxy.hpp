// proxy, proxies: by whom requests go.
//
//     http::client web(http::client_options().proxies(http::proxies::from_environment()));
//     http::client tor(http::client_options().proxies(http::proxies().all("socks5h://127.0.0.1:9050")));
//
// By default there is none, whatever the environment says: a library should not be led elsewhere by a
// variable that its program never asked for.
//
// An http or https proxy is asked for a tunnel (CONNECT) for https URLs, and sent the whole request, with the
// absolute URL, for http URLs. A SOCKS proxy is asked for a connection for both. A proxy sees, of what goes
// through a tunnel, host and port and nothing else; its credentials are sent to it alone, and never to a
// server. A Proxy-Authorization field that is given by hand goes out only with a request that the proxy
// itself reads.
//
// User name and password are sent by Basic, which anybody on the way to an `http:` proxy can read, with the
// first request. A proxy that does not take that and asks for Digest (RFC 7616: SHA-256, MD5 and their -sess
// forms) is answered so, and remembered; `proxy::digest_only` sends nothing else:
//
//     http::proxies().all(http::proxy("http://joe:secret@proxy.example:3128").digest_only())
#pragma once

#include <tandem/net/url.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::http {

/// One proxy. A value.
class proxy {
public:
    enum class kind {
        http,    ///< CONNECT and absolute URLs
        https,   ///< the same over TLS; the proxy's certificate is verified as a server's
        socks5,  ///< RFC 1928; names are looked up here
        socks5h, ///< RFC 1928; names are looked up by the proxy
    };

    /// "http://host:port", with "user:password@" before the host for Basic and Digest, or for RFC
    /// 1929, percent-encoded; "https:", "socks5:" and "socks5h:" likewise. Without a scheme: http. Without a
    /// port: 1080, https 443, as curl has it. What follows the port is ignored. Throws std::invalid_argument
    /// (which does not quote the text: it may hold a password) for anything else, and for a user name with a
    /// colon or control characters (SOCKS: name and password of 1 to 255 bytes).
    explicit proxy(std::string_view text);

    /// True: user name and password are used for Digest alone, never in a form that can be read. The first
    /// request goes out without, and a proxy that asks for something else refuses it. Default: false. Means
    /// nothing for SOCKS.
    proxy& digest_only(bool yes = true) & noexcept {
        digest_only_ = yes;
        return *this;
    }
    proxy&& digest_only(bool yes = true) && noexcept { return std::move(digest_only(yes)); }

    [[nodiscard]] kind type() const noexcept { return kind_; }
    [[nodiscard]] bool is_socks() const noexcept { return kind_ == kind::socks5 || kind_ == kind::socks5h; }
    [[nodiscard]] const std::string& host() const noexcept { return host_; } ///< IPv6 without brackets
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] bool has_credentials() const noexcept { return has_credentials_; }
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    [[nodiscard]] const std::string& password() const noexcept { return password_; }
    [[nodiscard]] bool is_digest_only() const noexcept { return digest_only_; }
    /// The value of Proxy-Authorization for Basic; empty without credentials, for SOCKS and with digest_only.
    [[nodiscard]] std::string authorization() const;
    /// "socks5h://127.0.0.1:9050", without user name and password: for messages.
    [[nodiscard]] std::string name() const;

    /// Everything is equal, user name and password too.
    [[nodiscard]] friend bool operator==(const proxy&, const proxy&) noexcept = default;

private:
    kind kind_ = kind::http;
    std::string host_;
    std::uint16_t port_ = 0;
    std::string user_;
    std::string password_;
    bool has_credentials_ = false;
    bool digest_only_ = false;
};

/// Which proxy serves which URL. Setters chain. A value; const use is thread-safe.
class proxies {
public:
    proxies() noexcept {}

    /// The rules of curl: `http_proxy` (lower case only: HTTP_PROXY may be set by whoever sends a CGI program
    /// a Proxy field), `https_proxy` or `HTTPS_PROXY`, for both otherwise `all_proxy` or `ALL_PROXY`, and
    /// `no_proxy` or `NO_PROXY` as `bypass`. Lower case comes first; an empty variable is none. Throws
    /// std::invalid_argument, naming the variable, for what is no proxy. Reads the environment: not while
    /// another thread changes it.
    [[nodiscard]] static proxies from_environment();

    /// For http URLs; for https URLs; for both. The texts are proxy's; throws std::invalid_argument as it
    /// does.
    proxies& http(std::string_view text);
    proxies& https(std::string_view text);
    proxies& all(std::string_view text);
    proxies& http(proxy by);
    proxies& https(proxy by);
    proxies& all(proxy by);

    /// Hosts to connect to directly, separated by commas or spaces: "example.org" (and what is under it;
    /// ".example.org" is the same), "192.0.2.1", "10.0.0.0/8", "fd00::/8", or "*" alone: all of them. Entries
    /// that are neither a name, an address nor a network never match. Adds to what was given before.
    proxies& bypass(std::string_view list);

    /// The proxy for a URL; nullptr: none. It lives as long as this object, unchanged.
    [[nodiscard]] const proxy* find(const url& target) const noexcept;

    [[nodiscard]] bool empty() const noexcept { return !http_ && !https_; }

private:
    std::optional<proxy> http_;
    std::optional<proxy> https_;
    std::vector<std::string> bypassed_; // in lower case, without dots at the ends
    bool bypass_all_ = false;
};

} // namespace tandem::http
