// multipart: a form with files (multipart/form-data, RFC 7578), which are read while they are sent.
//
//     co_await web.send(http::request(url).method(http::method::post).multipart(
//         http::multipart().field("title", "Holiday").file("photo", "/tmp/p.jpg", "image/jpeg")));
#pragma once

#include <tandem/http/request_body.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// A value. Names of fields and files are quoted as browsers do (the quote, CR and LF become %22, %0D and
/// %0A; other control characters likewise), so that none of them can end its header. Content types are
/// checked: std::invalid_argument for what a header field cannot carry.
class multipart {
public:
    /// Draws a boundary of 128 random bits. Throws std::runtime_error when the system has none.
    multipart();

    /// A value of the form. With a content type for what is no plain text.
    multipart& field(std::string_view name, std::string_view value,
                     std::string_view content_type = std::string_view()) &;
    /// A file from the disk, under its own name.
    multipart& file(std::string_view name, std::string path,
                    std::string_view content_type = "application/octet-stream") &;
    /// The same under another name (one without a folder: servers may take it for a path).
    multipart& file_as(std::string_view name, std::string path, std::string_view file_name,
                       std::string_view content_type = "application/octet-stream") &;
    /// A file whose content is in memory.
    multipart& file_of(std::string_view name, std::string_view content, std::string_view file_name,
                       std::string_view content_type = "application/octet-stream") &;

    multipart&& field(std::string_view n, std::string_view v, std::string_view t = std::string_view()) && {
        return std::move(field(n, v, t));
    }
    multipart&& file(std::string_view n, std::string p, std::string_view t = "application/octet-stream") && {
        return std::move(file(n, std::move(p), t));
    }
    multipart&& file_as(std::string_view n, std::string p, std::string_view f,
                        std::string_view t = "application/octet-stream") && {
        return std::move(file_as(n, std::move(p), f, t));
    }
    multipart&& file_of(std::string_view n, std::string_view c, std::string_view f,
                        std::string_view t = "application/octet-stream") && {
        return std::move(file_of(n, c, f, t));
    }

    [[nodiscard]] std::string content_type() const; ///< "multipart/form-data; boundary=..."
    [[nodiscard]] request_body body() const;        ///< all parts and the end

private:
    void begin_part(std::string_view name, const std::string_view* file_name, std::string_view content_type);

    std::string boundary_;
    request_body parts_;
};

} // namespace tandem::http
