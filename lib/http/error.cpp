#include "tandem/http/error.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/h1/error.hpp"
#include "lib/http/h2/error.hpp"
#include "lib/http/own_fault.hpp"
#include "lib/net/tls_context.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <string>
#include <system_error>

namespace tandem::http {

namespace {

class category_type final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "tandem.http"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
        case errc::unsupported_scheme:
            return "only http and https URLs can be fetched";
        case errc::header_too_large:
            return "the response's header is too large";
        case errc::body_too_large:
            return "the response's body is too large";
        case errc::expansion_too_high:
            return "the response's body expands too much when it is decoded";
        case errc::too_many_redirects:
            return "too many redirects";
        case errc::redirect_loop:
            return "a loop of redirects";
        case errc::insecure_redirect:
            return "a redirect from https to http";
        case errc::bad_request:
            return "the request cannot be written as HTTP/1.1";
        case errc::body_not_repeatable:
            return "the request's body cannot be sent again";
        case errc::body_length_mismatch:
            return "the request's body has not the length that was announced";
        case errc::not_an_event_stream:
            return "the response is no event stream";
        case errc::event_too_large:
            return "an event is too large";
        case errc::address_refused:
            return "the address guard refuses the address";
        case errc::proxy_refused:
            return "the proxy refused the connection";
        case errc::proxy_failed:
            return "the proxy did not answer as a proxy does";
        case errc::already_read:
            return "the body is no longer there";
        case errc::circuit_open:
            return "the circuit is open: the origin has failed too often";
        case errc::too_many_waiting:
            return "too many requests wait for their turn";
        case errc::line_too_long:
            return "a line of the response's body is too long";
        case errc::bad_status:
            return "the response's status says that the request failed";
        case errc::bad_content_range:
            return "the response is another part than the one that was asked for";
        case errc::websocket_refused:
            return "the server did not open a websocket";
        }
        return "unknown error";
    }
};

} // namespace

const boost::system::error_category& client_category() noexcept {
    static const category_type category;
    return category;
}

error_code make_error_code(errc value) noexcept {
    return error_code(static_cast<int>(value), client_category());
}

std::string_view to_string(request_phase phase) noexcept {
    switch (phase) {
    case request_phase::url:
        return "URL";
    case request_phase::pool_wait:
        return "waiting for a free connection";
    case request_phase::resolve:
        return "name look-up";
    case request_phase::connect:
        return "connect";
    case request_phase::proxy:
        return "proxy";
    case request_phase::tls:
        return "TLS handshake";
    case request_phase::send:
        return "sending the request";
    case request_phase::response_head:
        return "waiting for the response";
    case request_phase::body:
        return "reading the response body";
    case request_phase::redirect:
        return "redirect";
    case request_phase::limit:
        return "limit exceeded";
    case request_phase::intercept:
        return "held back";
    case request_phase::websocket:
        return "websocket";
    }
    return "?";
}

std::string error::message() const {
    std::string text = method_;
    text += ' ';
    text += url_;
    text += ": ";
    text += to_string(phase_);
    text += ": ";
    text += detail_.empty() ? code_.message() : detail_;
    if (attempt_ > 1) {
        const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed_);
        text += " (attempt " + std::to_string(attempt_) + ", after " + std::to_string(after.count()) + " ms)";
    }
    for (char& c : text)
        if (detail::is_control(c)) c = '?';
    return text;
}

bool error::is_timeout() const noexcept {
    return code_ == boost::system::errc::timed_out;
}

bool error::is_protocol() const noexcept {
    const std::error_code plain = code_;
    return plain.category() == h1::h1_category();
}

bool error::is_unsent() const noexcept {
    switch (phase_) {
    case request_phase::url:
    case request_phase::pool_wait:
    case request_phase::resolve:
    case request_phase::connect:
    case request_phase::proxy:
    case request_phase::tls:
    case request_phase::intercept:
        return true;
    default:
        return false;
    }
}

bool error::is_transient() const noexcept {
    switch (phase_) {
    case request_phase::resolve:
        return code_ != boost::asio::error::host_not_found;
    case request_phase::connect:
    case request_phase::proxy:
    case request_phase::tls:
    case request_phase::response_head:
    case request_phase::body:
        break;
    case request_phase::send:
        if (is_own_fault(code_)) return false;
        break;
    default:
        return false;
    }
    if (code_.category() == boost::system::system_category() ||
        code_.category() == boost::system::generic_category() ||
        code_.category() == boost::asio::error::get_misc_category())
        return true;
    return code_ == make_error_code(h1::error::closed_before_response) ||
           code_ == make_error_code(h1::error::truncated) ||
           code_ == net::make_error_code(net::tls_errc::truncated) || h2::is_transient(code_);
}

request_error::request_error(http::error why)
    : system_error(why.code(), "http"), error_(std::move(why)), text_(error_.message()) {}

} // namespace tandem::http
