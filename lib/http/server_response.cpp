#include <tandem/http/server_response.hpp>

#include <tandem/http/status.hpp>

#include "lib/http/chars.hpp"

namespace tandem::http {

server_response server_response::text(std::string body, int status) {
    return server_response(status).body(std::move(body), "text/plain; charset=utf-8");
}

server_response server_response::html(std::string body, int status) {
    return server_response(status).body(std::move(body), "text/html; charset=utf-8");
}

server_response server_response::json(std::string body, int status) {
    return server_response(status).body(std::move(body), "application/json");
}

server_response server_response::redirect(std::string_view location, int status) {
    return server_response(status).header("Location", location);
}

server_response server_response::plain_status(int status) {
    std::string line = std::to_string(status);
    if (const std::string_view reason = reason_phrase(status); !reason.empty())
        line.append(" ").append(reason);
    return text(line.append("\n"), status);
}

server_response& server_response::header(std::string_view name, std::string_view value) & {
    headers_.add(name, value);
    return *this;
}

server_response&& server_response::header(std::string_view name, std::string_view value) && {
    headers_.add(name, value);
    return std::move(*this);
}

server_response& server_response::body(std::string text, std::string_view content_type) & {
    if (!content_type.empty()) headers_.set("Content-Type", content_type);
    body_ = std::move(text);
    return *this;
}

server_response&& server_response::body(std::string text, std::string_view content_type) && {
    return std::move(body(std::move(text), content_type)); // the overload for lvalues
}

std::string_view content_type_of(std::string_view file_name) noexcept {
    struct known {
        std::string_view extension;
        std::string_view type;
    };
    static constexpr known types[] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"csv", "text/csv; charset=utf-8"},
        {"json", "application/json"},
        {"xml", "application/xml"},
        {"pdf", "application/pdf"},
        {"wasm", "application/wasm"},
        {"zip", "application/zip"},
        {"gz", "application/gzip"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"ico", "image/x-icon"},
        {"woff2", "font/woff2"},
        {"mp4", "video/mp4"},
    };
    const std::size_t dot = file_name.rfind('.');
    if (dot != std::string_view::npos) {
        const std::string_view extension = file_name.substr(dot + 1);
        for (const known& k : types)
            if (detail::iequals(k.extension, extension)) return k.type;
    }
    return "application/octet-stream";
}

} // namespace tandem::http
