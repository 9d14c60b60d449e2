#include "lib/http/h2/error.hpp"

#include <nghttp2/nghttp2.h>

#include <string>

namespace tandem::http::h2 {

namespace {

constexpr std::uint32_t last_code = NGHTTP2_HTTP_1_1_REQUIRED;

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "tandem.http2"; }
    std::string message(int value) const override {
        switch (static_cast<error>(value)) {
        case error::connection_closed:
            return "the connection was closed before the response was complete";
        case error::flooded:
            return "the peer floods the HTTP/2 connection with frames that carry nothing";
        case error::out_of_memory:
            return "out of memory in an HTTP/2 connection";
        case error::bad_field:
            return "the request has a field that HTTP/2 does not allow";
        case error::incomplete_stream:
            return "the peer closed the HTTP/2 stream before the response was complete";
        case error::ping_unanswered:
            return "the HTTP/2 connection is dead: nothing came on it, not even the answer to a PING";
        }
        const char* const what = nghttp2_http2_strerror(static_cast<std::uint32_t>(value) & 0xff);
        switch (static_cast<origin>(value & ~0xff)) {
        case origin::reset:
            return std::string("the peer reset the HTTP/2 stream: ") + what;
        case origin::goaway:
            return std::string("the peer ended the HTTP/2 connection: ") + what;
        case origin::connection:
            return std::string("the peer does not keep to HTTP/2, the connection was ended: ") + what;
        case origin::stream:
            return std::string("the peer does not keep to HTTP/2, the stream was ended: ") + what;
        }
        return "unknown HTTP/2 error";
    }
};

} // namespace

const std::error_category& h2_category() noexcept {
    static const category one;
    return one;
}

bool is_transient(const std::error_code& code) noexcept {
    if (code == error::connection_closed || code == error::incomplete_stream ||
        code == error::ping_unanswered)
        return true;
    if (code.category() != h2_category() || requires_http1(code)) return false;
    if (static_cast<origin>(code.value() & ~0xff) == origin::goaway) return true;
    return code == make_error_code(origin::reset, NGHTTP2_REFUSED_STREAM) ||
           code == make_error_code(origin::reset, NGHTTP2_INTERNAL_ERROR) ||
           code == make_error_code(origin::reset, NGHTTP2_ENHANCE_YOUR_CALM);
}

bool requires_http1(const std::error_code& code) noexcept {
    return code == make_error_code(origin::reset, NGHTTP2_HTTP_1_1_REQUIRED) ||
           code == make_error_code(origin::goaway, NGHTTP2_HTTP_1_1_REQUIRED);
}

std::error_code make_error_code(origin who, std::uint32_t code) noexcept {
    if (code > last_code) code = NGHTTP2_INTERNAL_ERROR;
    return {static_cast<int>(who) + static_cast<int>(code), h2_category()};
}

} // namespace tandem::http::h2
