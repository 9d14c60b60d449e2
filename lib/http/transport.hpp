// One request on its way over a connection, as an exchange sees it: what HTTP/1.1 and HTTP/2 have in common.
//
//     begin(line, fields, body)             // writes nothing yet
//     send(text)                            // head and a small body; or
//     send_head(), send_piece() ..., send_end()
//     for (;;) {
//         step now = read();                // head, then pieces of the body, then complete: never waits
//         if (now.what == need_more) { got = co_await receive(); received(got.bytes); }
//     }
//
// One task reads while another may send. Failures of the network are told by the tasks' io_result, those of
// the protocol by `read`. Cancellation: a task of a cancelled chain ends with operation_aborted.
#pragma once

#include "lib/core/maybe_task.hpp"
#include "lib/http/h1/event.hpp"
#include "lib/http/h1/message_head.hpp"
#include "lib/http/h1/writer.hpp"

#include <tandem/core/io_result.hpp>
#include <tandem/core/scheduler.hpp>
#include <tandem/core/task.hpp>
#include <tandem/http/headers.hpp>
#include <tandem/http/method.hpp>
#include <tandem/http/protocol.hpp>
#include <tandem/net/url.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace tandem::http {

/// The whole URL as a proxy is told it (RFC 9112, 3.2.2): without user name, password and fragment.
[[nodiscard]] inline std::string absolute_form(const url& target) {
    std::string whole(target.scheme());
    whole.append("://").append(target.authority()).append(target.target());
    return whole;
}

/// Method and target of a request.
class request_line {
public:
    request_line(std::string_view name, http::method v, const url& u, bool to_proxy = false) noexcept
        : method(name), verb(v), target(u), absolute(to_proxy) {}
    std::string_view method;
    http::method verb; ///< decides whether the response has a body; method::post for a name of one's own
    const url& target;
    bool absolute; ///< a proxy is told the whole URL
};

/// What is known of a request that has no answer.
enum class no_answer {
    unknown, ///< the server may have worked on it
    silent,  ///< not a byte came: a connection that was kept may have been closed meanwhile
    refused, ///< the server has said that it did not look at it (HTTP/2, RFC 9113, 8.7)
};

class transport {
public:
    using clock = scheduler::clock;
    using transfer_task = tandem::detail::maybe_task<io_result>;

    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;

    /// A new request; the one before it is forgotten. `fields` has Host. Fails when the request cannot be
    /// said in the protocol.
    [[nodiscard]] virtual std::error_code begin(const request_line& line, const headers& fields,
                                                const h1::body_plan& body) = 0;

    /// Before anything is received: interim (1xx) responses are events, event::interim. By default, and
    /// where a transport does not know how, they are skipped.
    virtual void show_interim() noexcept {}

    /// From `when` on what waits for this request ends with errc::timed_out.
    virtual void expires_at(clock::time_point when, clock::time_point now) noexcept = 0;

    /// Sends the head and all of the body, which is small and must stay alive until the response is over.
    [[nodiscard]] virtual transfer_task send(std::string_view body) = 0;

    [[nodiscard]] virtual transfer_task send_head() = 0;
    [[nodiscard]] virtual transfer_task send_piece(std::string_view data) = 0; ///< of at most 64 KiB
    [[nodiscard]] virtual transfer_task send_end() = 0;

    /// The next event in what has been received; a piece is valid until the next call.
    [[nodiscard]] virtual h1::step read() = 0;
    [[nodiscard]] virtual transfer_task receive() = 0;
    virtual void received(std::size_t bytes) = 0; ///< after receive() without error; 0: end of stream

    /// From event::head on.
    [[nodiscard]] virtual http::protocol protocol() const noexcept = 0;
    [[nodiscard]] virtual h1::response_head& head() noexcept = 0;
    [[nodiscard]] virtual bool has_body() const noexcept = 0;
    [[nodiscard]] virtual std::uint64_t declared_length() const noexcept = 0; ///< of what comes; 0: not known
    [[nodiscard]] virtual headers& trailers() noexcept = 0;                   ///< after event::complete

    [[nodiscard]] virtual std::error_code error() const noexcept = 0; ///< after event::failed
    [[nodiscard]] virtual no_answer why_no_answer() const noexcept = 0;
    /// The server wants the request over HTTP/1.1 (HTTP_1_1_REQUIRED, RFC 9113, 7).
    [[nodiscard]] virtual bool http1_required() const noexcept { return false; }

    /// After event::complete: whether the connection can carry other requests.
    [[nodiscard]] virtual bool reusable() const noexcept = 0;

protected:
    transport() noexcept = default;
    ~transport() = default;
};

} // namespace tandem::http
