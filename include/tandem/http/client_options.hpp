// Settings of an http::client, each with its default.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/credentials.hpp>
#include <tandem/http/headers.hpp>
#include <tandem/http/http2.hpp>
#include <tandem/http/netrc.hpp>
#include <tandem/http/proxy.hpp>
#include <tandem/net/address_guard.hpp>
#include <tandem/net/socket_options.hpp>
#include <tandem/net/tls_options.hpp>
#include <tandem/net/url.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::http {

class cookie_jar;    // <tandem/http/cookie_jar.hpp>
class interceptor;   // <tandem/http/interceptor.hpp>
class next;          // the same
class request;       // <tandem/http/request.hpp>
class request_event; // <tandem/http/request_event.hpp>
class response;      // <tandem/http/response.hpp>
class retry_options; // <tandem/http/retry.hpp>
template <class T>
class result; // <tandem/http/result.hpp>

/// Setters chain: `client web(client_options().max_redirects(3).total_timeout(10s));`. A duration of 0 means
/// no limit.
class client_options {
public:
    using duration = std::chrono::nanoseconds;

    client_options();

    // ---- connections ----
    client_options& connections_per_host(std::size_t n); ///< 6 for each scheme, host and port; at least 1
    client_options& connections_total(std::size_t n);    ///< 100, idle ones included; at least 1
    client_options& idle_timeout(duration d);            ///< 15 s, then an idle connection is closed
    client_options& max_connection_age(duration d);      ///< 0; one that is older carries no further request
    client_options& http2(http2_use how);                ///< by ALPN: HTTP/2 where an https server speaks it
    /// 30 s: so long an HTTP/2 connection may be silent while requests wait for it, then it is asked by a
    /// PING whether it is alive; 0: never.
    client_options& http2_ping_interval(duration d);
    /// 15 s: when nothing at all has come so long after that PING, the connection is given up, and what waits
    /// for it fails, or is repeated as after any connection that was lost; 0: it is asked again and again.
    client_options& http2_ping_timeout(duration d);

    // ---- time ----
    client_options& pool_timeout(duration d);       ///< 0: waiting for a free connection is not limited
    client_options& connect_timeout(duration d);    ///< 10 s, the name look-up included
    client_options& tls_timeout(duration d);        ///< 10 s for the handshake
    client_options& first_byte_timeout(duration d); ///< 30 s from the request's end to the response's header;
                                                    ///< also the longest pause while a large body is sent
    client_options& read_idle_timeout(duration d);  ///< 30 s, the longest pause within a body
    client_options& total_timeout(duration d);      ///< 0; for all of a request, redirects included

    // ---- size ----
    client_options& max_header_bytes(std::size_t n); ///< 64 KiB; status line, header and trailers
    client_options& max_body_bytes(std::uint64_t n); ///< 64 MiB decoded, for bodies that are kept in memory
    client_options& max_expansion(std::uint64_t n);  ///< 1000 decoded bytes for each one received
                                                     ///< (looked at beyond 1 MiB)

    // ---- redirects ----
    client_options& follow_redirects(bool yes);         ///< true
    client_options& max_redirects(unsigned n);          ///< 10
    client_options& allow_insecure_redirects(bool yes); ///< false; from https to http

    // ---- TLS ----
    /// All settings of TLS. The client's constructor throws system_error when a file named there cannot be
    /// used.
    client_options& tls(tls_options options);
    client_options& ca_file(std::string path); ///< tls_options::ca_file
    client_options& verify(bool yes);          ///< tls_options::verify: true; false accepts any certificate

    // ---- the way there ----
    /// None by default: requests go directly. Connections by different proxies are never mixed up. A request
    /// may say otherwise for itself: request::proxy, no_proxy.
    client_options& proxies(http::proxies rules);
    /// None by default. Addresses that it refuses are not connected to: errc::address_refused. Proxies,
    /// also a request's own, and Unix sockets given here are connected to in any case.
    client_options& address_guard(tandem::address_guard guard);
    client_options& socket(socket_options options); ///< local address and TCP; not for Unix sockets
    /// The addresses of a host, instead of looking it up; at most 64 count. Given again for a host, the last
    /// counts. Throws std::invalid_argument for what is no address in numbers, and for none.
    client_options& resolve(std::string_view host, std::vector<std::string> addresses);
    /// Looks hosts up instead of the system's name servers, for every new connection: it gives addresses in
    /// numbers, the best first. It is asked neither for literal addresses nor for localhost nor for what
    /// `resolve` knows. What it throws, or no address, or one that is none, fails the request in
    /// request_phase::resolve. Cancelled as any task, also when connect_timeout is up.
    using resolver_function = std::function<task<std::vector<std::string>>(std::string host)>;
    client_options& resolver(resolver_function look_up);
    /// Connects to this Unix socket for every request, whatever host the URL says; no proxy is used.
    client_options& unix_socket(std::string path);
    /// The same for one origin ("http://docker", "http://localhost:8080"). Throws std::invalid_argument for
    /// what is no origin.
    client_options& unix_socket(std::string_view origin, std::string path);

    // ---- what is sent ----
    client_options& user_agent(std::string text); ///< "tandem/VERSION"; empty: none. Throws invalid_argument
    client_options& decompress(bool yes);         ///< true: offer gzip, deflate, br and zstd, decode them
    /// A field for every request that does not set it itself. Throws std::invalid_argument as headers::add.
    client_options& header(std::string_view name, std::string_view value);

    // ---- who asks ----
    /// For every request to `origin` ("https://example.org", "http://localhost:8080"), also one that a
    /// redirect led there; a request's own Authorization or auth() comes first. Given again for the same
    /// origin, the last counts. Throws std::invalid_argument for what is no origin.
    client_options& credentials(std::string_view origin, http::credentials what);
    /// Basic authentication for the hosts in it, with requests that have nothing else. Not where a redirect
    /// leads to another origin: a netrc knows neither scheme nor port.
    client_options& netrc(http::netrc entries);

    // ---- cookies ----
    /// None by default. With a jar, cookies of responses (redirects too) are kept in it and sent as they
    /// apply. A request with a Cookie field of its own sends that instead, to its own origin. A jar may be
    /// shared by clients, also of several loops.
    client_options& cookies(std::shared_ptr<cookie_jar> jar);

    // ---- around each request ----
    /// Adds an interceptor within those that are there already. Throws std::invalid_argument for none.
    client_options& intercept(std::shared_ptr<interceptor> what);
    /// The same for a function: for whole responses only. It is copied once, and then called for each
    /// request; a coroutine lambda may use its captures as long as that request lasts.
    client_options& intercept(std::function<task<result<response>>(request, next)> what);
    /// Repeats requests that fail for reasons that pass: an interceptor too, at this place of the chain.
    /// Copies of the options share its budget.
    client_options& retry(const retry_options& how);
    /// Told of what each request does, on the client's loop, where it does it. Must not throw, nor wait, nor
    /// destroy the client. May be given several times.
    client_options& on_event(std::function<void(const request_event&)> told);

    /// Connects to `to` where a URL says `from`; both "host:port" (IPv6 in brackets). Host header, TLS name
    /// and verification stay those of the URL. For tests and for servers that are not in DNS yet.
    /// Throws std::invalid_argument when either is not of that form.
    client_options& connect_to(std::string from, std::string to);

    std::size_t connections_per_host() const noexcept { return connections_per_host_; }
    std::size_t connections_total() const noexcept { return connections_total_; }
    duration idle_timeout() const noexcept { return idle_timeout_; }
    duration max_connection_age() const noexcept { return max_connection_age_; }
    http2_use http2() const noexcept { return http2_; }
    duration http2_ping_interval() const noexcept { return http2_ping_interval_; }
    duration http2_ping_timeout() const noexcept { return http2_ping_timeout_; }
    duration pool_timeout() const noexcept { return pool_timeout_; }
    duration connect_timeout() const noexcept { return connect_timeout_; }
    duration tls_timeout() const noexcept { return tls_timeout_; }
    duration first_byte_timeout() const noexcept { return first_byte_timeout_; }
    duration read_idle_timeout() const noexcept { return read_idle_timeout_; }
    duration total_timeout() const noexcept { return total_timeout_; }
    std::size_t max_header_bytes() const noexcept { return max_header_bytes_; }
    std::uint64_t max_body_bytes() const noexcept { return max_body_bytes_; }
    std::uint64_t max_expansion() const noexcept { return max_expansion_; }
    bool follow_redirects() const noexcept { return follow_redirects_; }
    unsigned max_redirects() const noexcept { return max_redirects_; }
    bool allow_insecure_redirects() const noexcept { return allow_insecure_redirects_; }
    const tls_options& tls() const noexcept { return tls_; }
    const std::string& ca_file() const noexcept { return tls_.ca_file(); }
    bool verify() const noexcept { return tls_.verify(); }
    const http::proxies& proxies() const noexcept { return proxies_; }
    const std::optional<tandem::address_guard>& address_guard() const noexcept { return address_guard_; }
    const std::optional<socket_options>& socket() const noexcept { return socket_; }
    /// What was given for a host in lower case; null when nothing was.
    const std::vector<std::string>* resolved(std::string_view host) const noexcept;
    const resolver_function& resolver() const noexcept { return resolver_; }
    /// The Unix socket for a URL; null: none.
    const std::string* unix_socket_for(const url& where) const noexcept;
    const std::string& user_agent() const noexcept { return user_agent_; }
    bool decompress() const noexcept { return decompress_; }
    const http::headers& headers() const noexcept { return headers_; }
    /// What was given for the URL's origin; null when nothing was.
    const http::credentials* credentials_for(const url& where) const noexcept;
    const http::netrc& netrc() const noexcept { return netrc_; }
    const std::shared_ptr<cookie_jar>& cookies() const noexcept { return cookies_; }
    const std::vector<std::shared_ptr<interceptor>>& interceptors() const noexcept { return interceptors_; }
    const std::vector<std::function<void(const request_event&)>>& observers() const noexcept {
        return observers_;
    }
    const std::vector<std::pair<std::string, std::string>>& connect_to() const noexcept {
        return connect_to_;
    }

private:
    std::size_t connections_per_host_ = 6;
    std::size_t connections_total_ = 100;
    duration idle_timeout_ = std::chrono::seconds(15);
    duration max_connection_age_{0};
    http2_use http2_ = http2_use::by_alpn;
    duration http2_ping_interval_ = std::chrono::seconds(30);
    duration http2_ping_timeout_ = std::chrono::seconds(15);
    duration pool_timeout_{0};
    duration connect_timeout_ = std::chrono::seconds(10);
    duration tls_timeout_ = std::chrono::seconds(10);
    duration first_byte_timeout_ = std::chrono::seconds(30);
    duration read_idle_timeout_ = std::chrono::seconds(30);
    duration total_timeout_{0};
    std::size_t max_header_bytes_ = 64 * 1024;
    std::uint64_t max_body_bytes_ = std::uint64_t{64} << 20;
    std::uint64_t max_expansion_ = 1000;
    bool follow_redirects_ = true;
    unsigned max_redirects_ = 10;
    bool allow_insecure_redirects_ = false;
    tls_options tls_;
    http::proxies proxies_;
    std::optional<tandem::address_guard> address_guard_;
    std::optional<socket_options> socket_;
    std::vector<std::pair<std::string, std::vector<std::string>>> resolved_;
    resolver_function resolver_;
    std::optional<std::string> unix_socket_;
    std::vector<std::pair<tandem::url, std::string>> unix_sockets_; // by origin
    std::string user_agent_;
    bool decompress_ = true;
    http::headers headers_;
    std::vector<std::pair<tandem::url, http::credentials>> credentials_;
    http::netrc netrc_;
    std::shared_ptr<cookie_jar> cookies_;
    std::vector<std::shared_ptr<interceptor>> interceptors_;
    std::vector<std::function<void(const request_event&)>> observers_;
    std::vector<std::pair<std::string, std::string>> connect_to_;
};

} // namespace tandem::http
