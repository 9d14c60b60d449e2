#include "tandem/http/response.hpp"

#include "lib/http/charset.hpp"
#include "lib/http/media_type.hpp"

#include <tandem/http/error.hpp>

#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>

namespace tandem::http {

void response_info::throw_for_status() const {
    if (status_ < 400) return;
    std::string detail = "status " + std::to_string(status_);
    if (!reason_.empty()) detail += ' ' + reason_;
    throw request_error(
        error(request_phase::response_head, errc::bad_status, method_, url_.redacted(), std::move(detail)));
}

std::string response_info::media_type() const {
    return media_type_of(headers_.get("Content-Type").value_or(std::string_view()));
}

std::string response_info::charset() const {
    return charset_of(headers_.get("Content-Type").value_or(std::string_view()));
}

std::string response::text() const {
    return decode_text(body_, charset());
}

boost::json::value response::json() const {
    std::string_view text = body_;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    boost::json::parser parser;
    error_code failure;
    const std::size_t read = parser.write_some(text.data(), text.size(), failure);
    if (!failure && read < text.size()) failure = boost::json::error::extra_data;
    if (failure)
        throw request_error(
            http::error(request_phase::body, failure, method(), url().redacted(),
                        "not JSON at byte " + std::to_string(read) + ": " + failure.message()));
    return parser.release();
}

} // namespace tandem::http
