#include "tandem/http/multipart.hpp"

#include "lib/http/chars.hpp"

#include <array>
#include <stdexcept>

#include <openssl/rand.h>

namespace tandem::http {

namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 0x20 || u == 0x7f || c == '"') {
            out += '%';
            out += hex_digits[u >> 4];
            out += hex_digits[u & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

} // namespace

multipart::multipart() : boundary_("----tandem") {
    std::array<unsigned char, 16> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
        throw std::runtime_error("http::multipart: no random bytes");
    for (const unsigned char byte : random) {
        boundary_ += hex_digits[byte >> 4];
        boundary_ += hex_digits[byte & 15];
    }
}

void multipart::begin_part(std::string_view name, const std::string_view* file_name,
                           std::string_view content_type) {
    if (!detail::is_field_text(content_type))
        throw std::invalid_argument("http::multipart: a control character in a content type");
    std::string head = parts_.parts().empty() ? "--" : "\r\n--";
    head.append(boundary_).append("\r\nContent-Disposition: form-data; name=");
    append_quoted(head, name);
    if (file_name) {
        head += "; filename=";
        append_quoted(head, *file_name);
    }
    if (!content_type.empty()) head.append("\r\nContent-Type: ").append(content_type);
    head += "\r\n\r\n";
    parts_.append(request_body::bytes(std::move(head)));
}

multipart& multipart::field(std::string_view name, std::string_view value, std::string_view content_type) & {
    begin_part(name, nullptr, content_type);
    parts_.append(request_body::bytes(std::string(value)));
    return *this;
}

multipart& multipart::file(std::string_view name, std::string path, std::string_view content_type) & {
    const std::string file_name = path.substr(path.rfind('/') + 1);
    return file_as(name, std::move(path), file_name, content_type);
}

multipart& multipart::file_as(std::string_view name, std::string path, std::string_view file_name,
                              std::string_view content_type) & {
    begin_part(name, &file_name, content_type);
    parts_.append(request_body::file(std::move(path)));
    return *this;
}

multipart& multipart::file_of(std::string_view name, std::string_view content, std::string_view file_name,
                              std::string_view content_type) & {
    begin_part(name, &file_name, content_type);
    parts_.append(request_body::bytes(std::string(content)));
    return *this;
}

std::string multipart::content_type() const {
    return "multipart/form-data; boundary=" + boundary_;
}

request_body multipart::body() const {
    request_body whole = parts_;
    whole.append(request_body::bytes((parts_.parts().empty() ? "--" : "\r\n--") + boundary_ + "--\r\n"));
    return whole;
}

} // namespace tandem::http
