// request_event: what a request is doing, told while it does it (client_options::on_event).
//
//     http::client web(http::client_options().on_event([](const http::request_event& e) {
//         if (e.what() == http::request_event::kind::finished)
//             log(e.method(), e.url().redacted(), e.status(), e.duration());
//     }));
//
// A request tells, in this order: started; for each hop queued, then reused or resolved, connected and
// secured, then answered, and redirected if it goes on elsewhere; at the end finished, failed or abandoned,
// exactly once. After `repeated` the hop begins anew (over HTTP/1.1 with the place that it has, so without
// `queued`): nothing was answered, and the same request goes out once more, because a kept connection had
// just been closed, or an HTTP/2 server said that it did not look at it, or wants HTTP/1.1. After an answer
// that asks for credentials (401, 407) or does not want the question of expect_continue (417) it begins anew
// without a word: the next `queued` follows `answered`. Requests that go on at a time are told apart by id().
// With a retry policy each attempt is a request of its own; between them comes `retrying`. What a cache
// answers without asking is `cached`.
#pragma once

#include <tandem/http/error.hpp>
#include <tandem/net/url.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace tandem::http {

/// Valid during the call of the observer.
class request_event {
public:
    using duration_type = std::chrono::nanoseconds;

    enum class kind {
        started,    ///< the client has been called
        queued,     ///< it may use a connection; duration: waiting for it
        reused,     ///< the connection is a kept one
        resolved,   ///< duration: the look-up of the name
        connected,  ///< duration: until TCP was connected
        secured,    ///< duration: the TLS handshake
        repeated,   ///< not answered, and safe to send again, which comes now (see above)
        answered,   ///< the header is there: status(); duration: since the first byte was sent
        redirected, ///< the answer is a redirect that is followed: status(); url(): where to
        finished,   ///< the body has been read: status(); duration: since started
        failed,     ///< failure(); duration: since started
        abandoned,  ///< cancelled, or a stream that was given up; duration: since started
        retrying,   ///< attempt() has failed; duration: the pause before the next one
        cached,     ///< a cache has answered: status(); duration: since the call
    };

    request_event(kind what, std::uint64_t id, std::string_view method, const tandem::url& where) noexcept
        : what_(what), id_(id), method_(method), url_(&where) {}

    [[nodiscard]] kind what() const noexcept { return what_; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; } ///< of the client's; 0 for interceptors
    [[nodiscard]] std::string_view method() const noexcept { return method_; }
    [[nodiscard]] const tandem::url& url() const noexcept { return *url_; }
    [[nodiscard]] int status() const noexcept { return status_; } ///< 0 before an answer
    [[nodiscard]] duration_type duration() const noexcept { return duration_; }
    [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }
    [[nodiscard]] const error* failure() const noexcept { return failure_; } ///< null but for failed

    request_event& status(int s) noexcept {
        status_ = s;
        return *this;
    }
    request_event& duration(duration_type d) noexcept {
        duration_ = d;
        return *this;
    }
    request_event& attempt(unsigned n) noexcept {
        attempt_ = n;
        return *this;
    }
    request_event& failure(const error& e) noexcept {
        failure_ = &e;
        return *this;
    }

private:
    kind what_;
    int status_ = 0;
    unsigned attempt_ = 1;
    std::uint64_t id_;
    std::string_view method_;
    const tandem::url* url_;
    duration_type duration_{0};
    const error* failure_ = nullptr;
};

/// "started", "queued", ...
[[nodiscard]] std::string_view to_string(request_event::kind what) noexcept;

} // namespace tandem::http
