// cookie_jar: keeps the cookies that servers set, and knows which of them go with a request (RFC 6265bis).
//
//     auto jar = std::make_shared<http::cookie_jar>();
//     co_await jar->load("cookies.txt");
//     http::client web(http::client_options().cookies(jar));
//     ...
//     co_await jar->save("cookies.txt");
//
// A client with a jar takes the Set-Cookie fields of every response, those of redirects too, and sends what
// applies. The rules:
// - Domain: a cookie without the attribute goes back to its very host. One with it goes to that domain and
//   below; it must be the host or a parent of it, and no public suffix (a suffix that is the host itself
//   makes a cookie of that host alone). Never for parents of an IP address.
// - Path, Secure, Max-Age and Expires (at most 400 days) as the RFC has them; `__Secure-` and `__Host-` names
//   are held to what they promise; over http no Secure cookie is set, sent or overlaid.
// - HttpOnly is kept; SameSite has no meaning for a client that is no browser.
// - Two deviations, both on the strict side: a cookie without a name is refused (sent, it would look like one
//   with a name), and cookies with control characters are (TAB included, which would break the saved file).
// - Limits: see cookie_jar_options. Expired cookies go first; of those that are too many in a site (the
//   registrable domain), first the ones without Secure, each time the one that was not sent for longest.
//
// Thread-safe: one jar may serve clients on several loops. Cost of a request: a look at the cookies of its
// site.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/cookie.hpp>
#include <tandem/net/url.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {

/// Limits of a jar. Setters chain.
class cookie_jar_options {
public:
    cookie_jar_options() noexcept {}

    cookie_jar_options& max_cookies(std::size_t n) & { ///< 10,000; at least 1
        max_cookies_ = n > 0 ? n : 1;
        return *this;
    }
    cookie_jar_options& max_per_site(std::size_t n) & { ///< 180 for each registrable domain; at least 1
        max_per_site_ = n > 0 ? n : 1;
        return *this;
    }
    cookie_jar_options& max_sent(std::size_t n) & { ///< 150 with one request
        max_sent_ = n;
        return *this;
    }
    cookie_jar_options& max_sent_bytes(std::size_t n) & { ///< 8,190 in one Cookie field
        max_sent_bytes_ = n;
        return *this;
    }
    cookie_jar_options&& max_cookies(std::size_t n) && { return std::move(max_cookies(n)); }
    cookie_jar_options&& max_per_site(std::size_t n) && { return std::move(max_per_site(n)); }
    cookie_jar_options&& max_sent(std::size_t n) && { return std::move(max_sent(n)); }
    cookie_jar_options&& max_sent_bytes(std::size_t n) && { return std::move(max_sent_bytes(n)); }

    std::size_t max_cookies() const noexcept { return max_cookies_; }
    std::size_t max_per_site() const noexcept { return max_per_site_; }
    std::size_t max_sent() const noexcept { return max_sent_; }
    std::size_t max_sent_bytes() const noexcept { return max_sent_bytes_; }

private:
    std::size_t max_cookies_ = 10000;
    std::size_t max_per_site_ = 180;
    std::size_t max_sent_ = 150;
    std::size_t max_sent_bytes_ = 8190;
};

class cookie_jar {
public:
    using time_point = cookie::time_point;

    // Bounds on what a server may say; beyond them a cookie, or the rest of them, is ignored.
    static constexpr std::size_t max_set_cookie_bytes = 5000; ///< of one Set-Cookie field
    static constexpr std::size_t max_pair_bytes = 4096;       ///< of name and value together
    static constexpr std::size_t max_attribute_bytes = 1024;  ///< of one attribute's value
    static constexpr std::size_t max_set_cookies = 50;        ///< Set-Cookie fields of one response
    static constexpr std::chrono::days max_age{400};          ///< longer lives are cut to this

    cookie_jar();
    explicit cookie_jar(cookie_jar_options options);
    cookie_jar(const cookie_jar&) = delete;
    cookie_jar& operator=(const cookie_jar&) = delete;
    ~cookie_jar();

    /// Takes the value of a Set-Cookie field that came from `from`. False when the cookie was refused; one
    /// that has expired removes its predecessor and is true.
    bool set(const url& from, std::string_view set_cookie, time_point now = std::chrono::system_clock::now());

    /// Adds a cookie of one's own, which need not come from a server. False when it would not be allowed for
    /// its own domain: a public suffix, a prefixed name without what it promises, characters or sizes that
    /// are not allowed.
    bool add(cookie what, time_point now = std::chrono::system_clock::now());

    /// The value of the Cookie field for a request to `to`, "a=1; b=2"; empty when there is none. Longer
    /// paths first, then older cookies. Cookies beyond the limits on what is sent are left out.
    [[nodiscard]] std::string header_for(const url& to, time_point now = std::chrono::system_clock::now());

    /// The cookies for a request to `to` in that order; they do not count as used.
    [[nodiscard]] std::vector<cookie> cookies_for(const url& to,
                                                  time_point now = std::chrono::system_clock::now()) const;

    /// All that have not expired, oldest first.
    [[nodiscard]] std::vector<cookie> cookies(time_point now = std::chrono::system_clock::now()) const;

    /// How many are kept; those that have expired since count until they are met.
    [[nodiscard]] std::size_t size() const noexcept;

    /// Removes one; false when there is none with this domain, path and name.
    bool remove(std::string_view domain, std::string_view path, std::string_view name);
    void clear();         ///< removes all
    void clear_session(); ///< removes those without an expiry, as closing a browser does

    /// The format of Netscape, curl and wget: one cookie a line, seven fields separated by tabs. Session
    /// cookies have the expiry 0.
    [[nodiscard]] std::string to_netscape(time_point now = std::chrono::system_clock::now()) const;

    /// Adds what is in a text of that format; answers how many. Lines that are no cookie, cookies that have
    /// expired and those that add() refuses are left out. All of them are held to the rules: a file cannot
    /// bring what a server may not.
    std::size_t from_netscape(std::string_view text, time_point now = std::chrono::system_clock::now());

    /// Writes to_netscape() to a file, all of it or nothing (write_mode::replace). A new file can be read by
    /// its owner only. Throws system_error, which names the path. Cancellation: as write_file.
    [[nodiscard]] task<> save(std::string path) const;

    /// from_netscape() of a file of at most 64 MiB; answers how many cookies. A file that does not exist is
    /// an empty one. Throws system_error. Cancellation: as read_file.
    [[nodiscard]] task<std::size_t> load(std::string path);

private:
    class store;
    std::unique_ptr<store> store_;
};

} // namespace tandem::http
