// Why a request failed: in which phase, by which code, for which URL, at which attempt, and in words.
#pragma once

#include <tandem/core/error.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// What a request was doing when it failed, in the order in which it does them.
enum class request_phase {
    url,           ///< the URL does not parse, or is not http or https
    pool_wait,     ///< waiting for a connection to become free
    resolve,       ///< looking up the host's addresses
    connect,       ///< connecting to one of them
    proxy,         ///< asking a proxy for the way on, TLS with the proxy included
    tls,           ///< TLS handshake, certificate verification included
    send,          ///< sending the request
    response_head, ///< waiting for the response, or reading its status line and header
    body,          ///< reading the body, content decoding included
    redirect,      ///< following a redirect
    limit,         ///< a limit of the client was exceeded; the message names it
    intercept,     ///< an interceptor held it back; the message says which and why
    websocket,     ///< exchanging messages over an open websocket
};

/// "TLS handshake", "reading the response body", ...
[[nodiscard]] std::string_view to_string(request_phase phase) noexcept;

/// Errors of the client itself. Others come from the system, TLS, the URL parser, the HTTP/1 reader, the
/// content decoder and websockets, with their own categories.
enum class errc {
    unsupported_scheme = 1, ///< ws and wss URLs
    header_too_large,       ///< client_options::max_header_bytes, or its bounds on fields and lines
    body_too_large,         ///< client_options::max_body_bytes, request::max_body
    expansion_too_high,     ///< client_options::max_expansion
    too_many_redirects,     ///< client_options::max_redirects
    redirect_loop,          ///< the same, and the last one led to a URL that was visited before
    insecure_redirect,      ///< from https to http
    bad_request,            ///< the request cannot be written as HTTP/1.1
    body_not_repeatable,    ///< a redirect asks for a request_body::stream_once again
    body_length_mismatch,   ///< a body that is not as long as was said, or a file that has shrunk
    not_an_event_stream,    ///< what event_source got: another status or another type
    event_too_large,        ///< event_source_options::max_event_bytes
    address_refused,        ///< by client_options::address_guard
    proxy_refused,          ///< the proxy said no; the message has its words
    proxy_failed,           ///< the proxy did not answer as one, or closed the connection
    already_read,           ///< reading a response_stream again that failed before
    circuit_open,           ///< circuit_breaker: the origin has failed too often
    too_many_waiting,       ///< concurrency_limiter: its queue is full
    line_too_long,          ///< response_stream::read_line
    bad_status,             ///< response_info::throw_for_status, and a status that a download cannot use
    bad_content_range,      ///< a part of a file that is not the one that was asked for
    websocket_refused,      ///< the server did not open a websocket
};
[[nodiscard]] const boost::system::error_category& client_category() noexcept; ///< "tandem.http"
[[nodiscard]] error_code make_error_code(errc value) noexcept;

/// One failed request. A value; cheap to move.
class error {
public:
    error() noexcept {}
    error(request_phase phase, error_code code, std::string method, std::string url, std::string detail)
        : phase_(phase), code_(code), method_(std::move(method)), url_(std::move(url)),
          detail_(std::move(detail)) {}

    [[nodiscard]] request_phase phase() const noexcept { return phase_; }
    [[nodiscard]] const error_code& code() const noexcept { return code_; }
    [[nodiscard]] const std::string& method() const noexcept { return method_; }
    /// Of the request that failed (after redirects: the last); without user name and password.
    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    /// What went wrong, without method, URL and phase.
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

    /// "GET https://x/: TLS handshake: certificate has expired (2024-01-01)", and " (attempt 3, after 1200
    /// ms)" where it was not the first. One line; what came from the network has been cleaned of control
    /// characters.
    [[nodiscard]] std::string message() const;

    /// Which attempt failed, from 1: repetitions on a new connection and those of a retry policy count.
    [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }
    /// From the call until it failed, all attempts, redirects and pauses.
    [[nodiscard]] std::chrono::nanoseconds elapsed() const noexcept { return elapsed_; }

    [[nodiscard]] bool is_timeout() const noexcept; ///< one of the client's time limits was up
    [[nodiscard]] bool is_dns() const noexcept { return phase_ == request_phase::resolve; }
    [[nodiscard]] bool is_connect() const noexcept { return phase_ == request_phase::connect; }
    [[nodiscard]] bool is_tls() const noexcept { return phase_ == request_phase::tls; }
    [[nodiscard]] bool is_limit() const noexcept { return phase_ == request_phase::limit; }
    [[nodiscard]] bool is_protocol() const noexcept; ///< what the server sent is no HTTP, or incomplete
    /// No byte of the request that failed was sent: not even one that must not be repeated was begun.
    [[nodiscard]] bool is_unsent() const noexcept;
    /// Another attempt may well succeed: names that cannot be looked up now, connections that are refused,
    /// reset or closed early, time limits. Not certificates, malformed responses, limits, bad requests.
    [[nodiscard]] bool is_transient() const noexcept;

    /// For interceptors that repeat requests.
    error& attempt(unsigned number) noexcept {
        attempt_ = number;
        return *this;
    }
    error& elapsed(std::chrono::nanoseconds since_the_call) noexcept {
        elapsed_ = since_the_call;
        return *this;
    }

private:
    request_phase phase_ = request_phase::url;
    unsigned attempt_ = 1;
    std::chrono::nanoseconds elapsed_{0};
    error_code code_;
    std::string method_;
    std::string url_;
    std::string detail_;
};

/// Thrown by the forms that throw. what() is error::message().
class request_error : public system_error {
public:
    explicit request_error(http::error why);

    [[nodiscard]] const http::error& error() const noexcept { return error_; }
    [[nodiscard]] request_phase phase() const noexcept { return error_.phase(); }
    const char* what() const noexcept override { return text_.c_str(); }

private:
    http::error error_;
    std::string text_;
};

} // namespace tandem::http

template <>
struct boost::system::is_error_code_enum<tandem::http::errc> : std::true_type {};
