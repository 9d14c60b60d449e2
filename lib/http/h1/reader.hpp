// Readers of HTTP/1.1 messages: bytes in, events out, no I/O (RFC 9112).
//
// Both are driven alike. The caller keeps the bytes that are not consumed yet and gives them, with whatever
// came after them, again:
//
//     for (;;) {
//         step now = reader.read(buffer);
//         use(now);                       // now.data is a view into buffer
//         buffer.drop(now.consumed);      // with every event
//         if (now.what == event::need_more) read_more_into(buffer);
//         else if (now.what == event::complete || now.what == event::failed) break;
//     }
//     reader.reset();                     // for the next message of the connection
//
// need_more never leaves behind what could be read; a head is consumed at once when it is complete, so the
// buffer holds at most limits::header_bytes. Complete is an event of its own, also where there is no body,
// and is repeated until reset(); so is failed. What pieces the bytes come in changes nothing but the pieces
// of the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "lib/http/h1/body_reader.hpp"
#include "lib/http/h1/error.hpp"
#include "lib/http/h1/event.hpp"
#include "lib/http/h1/field_scanner.hpp"
#include "lib/http/h1/limits.hpp"
#include "lib/http/h1/message_head.hpp"

namespace tandem::http::h1 {

/// Reads requests, strictly: what two servers could understand differently is refused. Not thread-safe.
class request_reader {
public:
    explicit request_reader(const limits& bounds = server_limits());

    /// Forgets the message, ready for the next one of the connection.
    void reset();

    /// One step. The stream's end is the caller's to judge: it is clean where started() is false.
    step read(std::string_view bytes);

    /// Whether a byte of the message has been seen.
    [[nodiscard]] bool started() const noexcept { return started_; }

    /// Valid from event::head to reset(); may be moved from.
    [[nodiscard]] request_head& head() noexcept { return head_; }
    [[nodiscard]] const request_head& head() const noexcept { return head_; }
    [[nodiscard]] h1::framing framing() const noexcept { return plan_.framing; }
    [[nodiscard]] std::uint64_t content_length() const noexcept {
        return plan_.length;
    } ///< framing::length only

    /// Whether the connection may carry another request after this one (RFC 9112, 9.3).
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

    /// Whether the client waits for `100 Continue` before it sends its body (RFC 9110, 10.1.1).
    [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }

    /// Replaces limits::body_bytes for this message; between event::head and the next read().
    void body_limit(std::uint64_t bytes) noexcept { body_.body_limit(bytes); }

    /// Fields after a chunked body, kept apart from those of the head: do not trust them as those.
    [[nodiscard]] http::headers& trailers() noexcept { return body_.trailers(); }

    [[nodiscard]] std::error_code error() const noexcept { return error_; } ///< h1_category()
    [[nodiscard]] int
    suggested_status() const noexcept; ///< for the answer to a failed request; 0 if none failed

private:
    step fail(h1::error value);
    h1::error read_request_line(std::string_view line);
    h1::error finish_head();

    limits limits_;
    field_scanner scanner_;
    body_reader body_;
    body_reader::plan plan_;
    request_head head_;
    std::error_code error_;
    enum class state { start_line, fields, body, failed } state_ = state::start_line;
    bool started_ = false;
    bool skipped_line_ = false;
    bool keep_alive_ = false;
    bool expects_continue_ = false;
};

/// Reads responses as the web sends them. Not thread-safe. Tolerated: no reason phrase, lines that end in LF,
/// folded fields (joined by a space), whitespace before a colon (dropped) and after a chunk size, a
/// Content-Length repeated with the same value. These end the connection's use (keep_alive() is false):
/// Transfer-Encoding beside Content-Length (Transfer-Encoding wins, RFC 9112, 6.3); codings under `chunked`
/// (the body is handed out as it is inside the chunks); a last coding that is not `chunked`, or any in
/// HTTP/1.0 (the body runs to the stream's end).
class response_reader {
public:
    explicit response_reader(const limits& bounds = client_limits());

    /// Forgets the message; the next response answers a request of that method. For a method without a name
    /// in `http::method` give method::post. A new reader expects the answer to a GET.
    void reset(http::method request_method = http::method::get);

    /// One step. `end_of_stream`: no byte will follow those given. Call on, with what is not consumed, until
    /// complete or failed; need_more does not occur then.
    step read(std::string_view bytes, bool end_of_stream = false);

    /// Interim responses are events of their own from here on, until reset().
    void show_interim() noexcept { show_interim_ = true; }

    /// Whether a byte of the response (an interim one too) has been seen.
    [[nodiscard]] bool started() const noexcept { return started_; }

    /// Valid from event::head to reset(); may be moved from. Interim responses are skipped unless they were
    /// asked for, but for 101, which ends HTTP/1.1: it is given as a head and is complete at once.
    [[nodiscard]] response_head& head() noexcept { return head_; }
    [[nodiscard]] const response_head& head() const noexcept { return head_; }
    [[nodiscard]] h1::framing framing() const noexcept { return plan_.framing; }
    [[nodiscard]] std::uint64_t content_length() const noexcept {
        return plan_.length;
    } ///< framing::length only

    /// Whether the connection may be used for another request once this response is complete.
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

    /// Whether a 100 was among the interim responses: the body may be sent. Look at it after need_more too.
    [[nodiscard]] bool continue_received() const noexcept { return continue_received_; }
    [[nodiscard]] std::size_t interim_responses() const noexcept { return interim_; }

    /// Replaces limits::body_bytes for this message; between event::head and the next read().
    void body_limit(std::uint64_t bytes) noexcept { body_.body_limit(bytes); }

    /// Fields after a chunked body, kept apart from those of the head.
    [[nodiscard]] http::headers& trailers() noexcept { return body_.trailers(); }

    [[nodiscard]] std::error_code error() const noexcept { return error_; } ///< h1_category()

private:
    step fail(h1::error value);
    void begin_head();
    h1::error read_status_line(std::string_view line);
    h1::error finish_head();

    limits limits_;
    http::method request_method_ = http::method::get;
    field_scanner scanner_;
    body_reader body_;
    body_reader::plan plan_;
    response_head head_;
    std::error_code error_;
    enum class state { start_line, fields, body, failed } state_ = state::start_line;
    std::size_t interim_ = 0;
    bool started_ = false;
    bool keep_alive_ = false;
    bool continue_received_ = false;
    bool show_interim_ = false;
    bool interim_shown_ = false; // its head is to be forgotten
};

} // namespace tandem::http::h1
