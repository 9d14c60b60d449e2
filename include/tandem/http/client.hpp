// client: HTTP/1.1 and HTTP/2 over TCP and TLS, with a pool of connections that are kept alive.
//
//     http::client web;
//     http::response page = co_await web.get("https://example.org/");
//     use(page.status(), page.body());
//
// Each operation has two forms: one that throws request_error, and `try_...`, which gives a result<...> and
// throws for no failure of the network (about 20 times cheaper where failures are common, as in a crawl).
//
// Connections: at most `connections_per_host` for each scheme, host and port, `connections_total` in all.
// Requests beyond that wait: first come, first served within a host, and hosts take turns. The connection
// used last is reused first. A request that meets a kept connection which the server has just closed is sent
// again, once, on a new one, if its method is idempotent and no byte of an answer came.
//
// Redirects: 301, 302, 303, 307 and 308 with a Location that is an http or https URL; any other 3xx is given
// as it is. Authorization, Cookie, Proxy-Authorization and Referer go no further than the origin (scheme,
// host, port) that they were meant for; user name and password in a Location are ignored. From https to http:
// refused, unless allow_insecure_redirects.
//
// Who asks, and cookies: client_options::credentials, netrc and cookies, request::auth.
//
// What stands around a request: client_options::intercept, retry; what it does is told by on_event.
//
// Cancellation: takes effect wherever a request waits (for a connection, the name, TCP, TLS, the response,
// the body) and throws operation_cancelled from both forms; the connection in use is closed, over HTTP/2 only
// the request's stream is.
//
// HTTP/2 where an https server speaks it (client_options::http2): one connection then carries all requests to
// an origin, as many at a time as the server allows.
//
// A client belongs to the scheduler of the first task that uses it: only tasks there may use it, and it must
// be destroyed there or after they have ended, and before their runtime. Requests must have ended by then.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/client_options.hpp>
#include <tandem/http/interceptor.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/response.hpp>
#include <tandem/http/response_stream.hpp>
#include <tandem/http/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tandem::http {

class client_state; // internal

/// What a client has done and holds.
class client_counters {
public:
    client_counters() noexcept {}
    std::uint64_t requests = 0;           ///< sent, hops of redirects included, retries not
    std::uint64_t retries = 0;            ///< repeated because a kept connection had been closed, or
                                          ///< because an HTTP/2 server had not looked at the request
    std::uint64_t connections_opened = 0; ///< TCP connections established
    std::uint64_t connections_reused = 0; ///< requests sent on one that was open already
    std::uint64_t tls_handshakes = 0;     ///< completed, those with proxies included
    std::uint64_t tls_resumable = 0;      ///< of these: began with a session that was kept
    std::uint64_t tls_resumed = 0;        ///< of these: the server took it
    std::size_t connections_in_use = 0;   ///< being opened or carrying requests
    std::size_t connections_idle = 0;     ///< kept
    std::size_t waiting = 0;              ///< requests that wait for a connection
};

class client {
public:
    client();
    /// Throws system_error when a file of options.tls() cannot be used.
    explicit client(client_options options);
    client(client&&) noexcept;
    client& operator=(client&&) noexcept;
    ~client(); ///< closes idle connections

    /// The whole response: every status is a success. Throws request_error, operation_cancelled.
    [[nodiscard]] task<response> get(std::string url);
    [[nodiscard]] task<response> get(tandem::url url);
    [[nodiscard]] task<response> head(std::string url);
    [[nodiscard]] task<response> head(tandem::url url);
    [[nodiscard]] task<response> post(std::string url, std::string body, std::string content_type);
    [[nodiscard]] task<response> post(tandem::url url, std::string body, std::string content_type);
    [[nodiscard]] task<response> send(request what);

    /// The same, without an exception for what may go wrong on the way. Throws operation_cancelled.
    [[nodiscard]] task<result<response>> try_get(std::string url);
    [[nodiscard]] task<result<response>> try_get(tandem::url url);
    [[nodiscard]] task<result<response>> try_head(std::string url);
    [[nodiscard]] task<result<response>> try_head(tandem::url url);
    [[nodiscard]] task<result<response>> try_post(std::string url, std::string body,
                                                  std::string content_type);
    [[nodiscard]] task<result<response>> try_post(tandem::url url, std::string body,
                                                  std::string content_type);
    [[nodiscard]] task<result<response>> try_send(request what);

    /// Sends the request and reads the header; the body is read from the stream.
    [[nodiscard]] task<response_stream> open(request what);
    [[nodiscard]] task<result<response_stream>> try_open(request what);

    /// Opens connections to the origin of `url`, TLS included, until `count` of them are kept (at most
    /// connections_per_host; one where it is of HTTP/2), so that requests find them ready. Throws
    /// request_error when not one could be had. Cancellation: those that are not ready are closed; throws
    /// operation_cancelled.
    [[nodiscard]] task<> warm_up(std::string url, std::size_t count = 1);

    void close_idle() noexcept; ///< closes kept connections
    [[nodiscard]] client_counters counters() const noexcept;
    [[nodiscard]] const client_options& options() const noexcept;

private:
    std::shared_ptr<client_state> state_;
};

} // namespace tandem::http
