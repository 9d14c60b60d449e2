// What a server's handler answers: a status, header fields and a body.
//
//     co_return server_response::html("<h1>Hello</h1>");
//     co_return server_response(503).header("Retry-After", "5").body("later", "text/plain");
#pragma once

#include <tandem/http/headers.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// The server adds Content-Length, Date, Server and Connection; a handler need not (a Date or Server of its
/// own stays, and `Connection: close` closes the connection after this response). The answer to HEAD goes
/// without the body but with its length, so one handler serves GET and HEAD. Statuses 204, 205 and 304 go
/// without a body. A status below 200 or above 999 is a failure of the handler and becomes 500.
/// Not thread-safe.
class server_response {
public:
    explicit server_response(int status = 200) noexcept : status_(status) {}

    /// A body with its content type; text types are UTF-8.
    [[nodiscard]] static server_response text(std::string body, int status = 200);
    [[nodiscard]] static server_response html(std::string body, int status = 200);
    [[nodiscard]] static server_response json(std::string body, int status = 200);
    /// `location` goes into the Location header as it is: throws std::invalid_argument for one with control
    /// characters.
    [[nodiscard]] static server_response redirect(std::string_view location, int status = 302);
    /// A short text that names the status: for errors.
    [[nodiscard]] static server_response plain_status(int status);

    /// Appends a field. Throws std::invalid_argument if it is not valid (see headers::add).
    server_response& header(std::string_view name, std::string_view value) &;
    server_response&& header(std::string_view name, std::string_view value) &&;

    /// Sets the body, and Content-Type if `content_type` is not empty (throws as header() does).
    server_response& body(std::string text, std::string_view content_type = std::string_view()) &;
    server_response&& body(std::string text, std::string_view content_type = std::string_view()) &&;

    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] const std::string& body() const noexcept { return body_; }
    [[nodiscard]] const http::headers& headers() const noexcept { return headers_; }
    [[nodiscard]] http::headers& headers() noexcept { return headers_; }

private:
    int status_;
    http::headers headers_;
    std::string body_;
};

/// The usual content type of a file name's extension ("index.html": "text/html; charset=utf-8"), without
/// regard to case; "application/octet-stream" if it is not known.
[[nodiscard]] std::string_view content_type_of(std::string_view file_name) noexcept;

} // namespace tandem::http
