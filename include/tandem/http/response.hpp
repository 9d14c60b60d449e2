// response: status, header and whole body of an answer; and what a response_stream shows before its body.
#pragma once

#include <tandem/http/headers.hpp>
#include <tandem/http/protocol.hpp>
#include <tandem/http/status.hpp>
#include <tandem/net/url.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace boost::json {
class value;
}

namespace tandem::http {

/// A redirect that was followed.
class redirect_hop {
public:
    redirect_hop(tandem::url from, int status) : from_(std::move(from)), status_(status) {}
    /// Which answered with a redirect.
    [[nodiscard]] const tandem::url& url() const noexcept { return from_; }
    [[nodiscard]] int status() const noexcept { return status_; } ///< 301, 302, 303, 307 or 308

private:
    tandem::url from_;
    int status_;
};

/// How long the parts of a request took. The last hop's, but for `total`; 0 for what did not happen.
class request_timings {
public:
    using duration = std::chrono::nanoseconds;
    request_timings() noexcept {}

    duration pool_wait{0};  ///< until a connection was free
    duration dns{0};        ///< looking up the host's name, or the proxy's; 0 for an address
    duration connect{0};    ///< until TCP was connected, and a proxy had let it pass
    duration tls{0};        ///< handshake
    duration first_byte{0}; ///< from the first byte sent until the response's header was there
    duration total{0};      ///< from the call to the end of the body, all hops (a stream: to its header)
};

/// Everything but the body.
class response_info {
public:
    response_info() noexcept {}

    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] bool ok() const noexcept { return is_success(status_); } ///< 2xx
    /// As received; may be empty, over HTTP/2 always is.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    /// As received: Content-Encoding and Content-Length tell of the body as it was sent, see decoded().
    [[nodiscard]] const http::headers& headers() const noexcept { return headers_; }
    /// Where the response came from: after redirects the last URL. It keeps the fragment that was asked for,
    /// or that a redirect gave; it never has user name and password.
    [[nodiscard]] const tandem::url& url() const noexcept { return url_; }
    [[nodiscard]] const std::string& method() const noexcept { return method_; } ///< of the last request
    /// Throws request_error (phase `response_head`, errc::bad_status) for a status of 400 and above.
    void throw_for_status() const;
    [[nodiscard]] std::string media_type() const; ///< "text/html": Content-Type without parameters
    [[nodiscard]] std::string charset() const;    ///< Content-Type's, in lower case; often empty
    [[nodiscard]] const std::vector<redirect_hop>& history() const noexcept { return history_; }
    [[nodiscard]] const request_timings& timings() const noexcept { return timings_; }
    /// What the last hop's answer came in. Of one that came over no connection (from a cache, or made by an
    /// interceptor) http1_1, unless response_builder::protocol has said otherwise.
    [[nodiscard]] http::protocol protocol() const noexcept { return protocol_; }
    [[nodiscard]] bool connection_reused() const noexcept { return reused_; } ///< the last hop's
    /// The body has been freed of its Content-Encoding. False also when there was none.
    [[nodiscard]] bool decoded() const noexcept { return decoded_; }

protected:
    friend class exchange;
    friend class response_builder;

    int status_ = 0;
    bool reused_ = false;
    bool decoded_ = false;
    http::protocol protocol_ = http::protocol::http1_1;
    std::string method_;
    std::string reason_;
    http::headers headers_;
    tandem::url url_;
    std::vector<redirect_hop> history_;
    request_timings timings_;
};

class response : public response_info {
public:
    response() noexcept {}

    [[nodiscard]] const std::string& body() const noexcept { return body_; }
    /// The body as UTF-8: by its byte order mark, else by charset(), else UTF-8. What is invalid becomes
    /// U+FFFD; an unknown charset counts as UTF-8.
    [[nodiscard]] std::string text() const;
    /// The body as JSON; include <boost/json.hpp> to use it. Throws request_error (phase `body`) when it is
    /// none, or nests more than 32 levels deep. The status and the Content-Type are not looked at.
    [[nodiscard]] boost::json::value json() const;
    [[nodiscard]] std::string take_body() noexcept { return std::move(body_); }
    /// Fields after a chunked body. Do not trust them as those of the header.
    [[nodiscard]] const http::headers& trailers() const noexcept { return trailers_; }
    /// Bytes received for this response (header and body as sent, without TLS).
    [[nodiscard]] std::uint64_t wire_bytes() const noexcept { return wire_bytes_; }

private:
    friend class exchange;
    friend class response_builder;

    std::string body_;
    http::headers trailers_;
    std::uint64_t wire_bytes_ = 0;
};

} // namespace tandem::http
