// Writes HTTP/1.1 heads and chunks into a string, and nothing that a peer could read in two ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "lib/http/h1/error.hpp"
#include "lib/http/h1/message_head.hpp"
#include "tandem/http/headers.hpp"

namespace tandem::http::h1 {

/// How the caller will send the body. The writer writes the field that says so, and exactly that one.
class body_plan {
public:
    [[nodiscard]] static body_plan none() noexcept { return body_plan(framing::none, 0); }
    [[nodiscard]] static body_plan length(std::uint64_t bytes) noexcept {
        return body_plan(framing::length, bytes);
    }
    [[nodiscard]] static body_plan chunked() noexcept { return body_plan(framing::chunked, 0); }
    /// Responses only; the writer adds `Connection: close`.
    [[nodiscard]] static body_plan until_close() noexcept { return body_plan(framing::until_close, 0); }

    [[nodiscard]] h1::framing framing() const noexcept { return framing_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    body_plan(h1::framing how, std::uint64_t bytes) noexcept : framing_(how), bytes_(bytes) {}

    h1::framing framing_;
    std::uint64_t bytes_;
};

// All of these append to `out`, and leave it unchanged if they answer an error of h1_category().

/// Appends `method SP target SP HTTP/1.1` and the fields. `fields` must have exactly one valid Host.
/// Content-Length and Transfer-Encoding come from `body`; if `fields` has one too it must say the same
/// (error::framing_conflict otherwise) and is written once. The target's form must fit the method (RFC
/// 9112, 3.2). `ready`: lines of further fields, known to be valid and none of those named here, for which
/// the first of `fields` is Host: they follow it.
[[nodiscard]] std::error_code write_request_head(std::string& out, std::string_view method,
                                                 std::string_view target, const headers& fields,
                                                 const body_plan& body,
                                                 std::string_view ready = std::string_view());

/// Appends the status line and the fields. An empty `reason` becomes the registered phrase. `request_method`
/// decides with the status whether a body is allowed: for HEAD and 304 the plan tells of the body that is not
/// sent; 1xx, 204 and 2xx to CONNECT take none() or length(0), and no framing field is written.
/// Elsewhere none() is a conflict: say length(0).
[[nodiscard]] std::error_code write_response_head(std::string& out, int status, std::string_view reason,
                                                  const headers& fields, const body_plan& body,
                                                  http::method request_method = http::method::get);

/// Appends the line before a chunk of `bytes` bytes (not 0: that would end the body). Send the data and
/// chunk_end() after it.
void write_chunk_start(std::string& out, std::uint64_t bytes);

/// What follows a chunk's data.
[[nodiscard]] constexpr std::string_view chunk_end() noexcept {
    return "\r\n";
}

/// Appends a whole chunk; nothing for empty `data`.
void write_chunk(std::string& out, std::string_view data);

/// Appends the last chunk and the trailers, which may not be fields of framing, routing or authentication
/// (error::framing_conflict; RFC 9110, 6.5.1).
[[nodiscard]] std::error_code write_last_chunk(std::string& out, const headers& trailers = {});

} // namespace tandem::http::h1
