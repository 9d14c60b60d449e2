// Time limits of an exchange, and its failures put into words.
#include "lib/http/exchange.hpp"

#include "lib/http/h2/error.hpp"
#include "lib/net/tls_context.hpp"

#include <boost/system/errc.hpp>

#include <cerrno>
#include <charconv>

namespace tandem::http {

namespace {

std::string in_words(std::chrono::nanoseconds length) {
    using namespace std::chrono;
    if (length % seconds(1) == nanoseconds(0)) return std::to_string(length / seconds(1)) + " s";
    if (length >= milliseconds(1)) return std::to_string(length / milliseconds(1)) + " ms";
    return std::to_string(length / microseconds(1)) + " us";
}

bool is_size_limit(const std::error_code& code) noexcept {
    for (const h1::error limit :
         {h1::error::start_line_too_long, h1::error::field_line_too_long, h1::error::header_too_large,
          h1::error::too_many_fields, h1::error::chunk_extensions_too_long, h1::error::too_many_interim})
        if (code == make_error_code(limit)) return true;
    return false;
}

} // namespace

void exchange::set_deadline(clock::time_point now, std::chrono::nanoseconds length, const char* option) {
    limit_ = total_.part(now, length, option);
    wire_->expires_at(limit_.when, now);
}

bool exchange::fail(request_phase phase, const error_code& code, std::string detail) {
    if (code == h2::make_error_code(h2::error::ping_unanswered))
        detail += " (silent for " + in_words(client_.options.http2_ping_interval()) +
                  ", client_options::http2_ping_interval, and " +
                  in_words(client_.options.http2_ping_timeout()) +
                  " more, client_options::http2_ping_timeout)";
    std::string shown = url_.empty() ? request_.bad_url().substr(0, 200) : url_.redacted();
    error_.emplace(phase, code, std::string(method_name()), std::move(shown), std::move(detail));
    error_->attempt(attempt_).elapsed(home_->now() - start_);
    return false;
}

void exchange::fail_timeout(request_phase phase, const time_limit& limit) {
    fail(phase, boost::system::errc::make_error_code(boost::system::errc::timed_out),
         "not done within " + in_words(limit.length) + " (" + limit.option + ")");
}

void exchange::fail_io(request_phase phase, const error_code& code, std::string detail) {
    if (task_context::current()->cancelled())
        throw operation_cancelled("an HTTP request was cancelled: " + std::string(to_string(phase)));
    // TCP's own "Connection timed out" has the same code, but comes before the time that was set.
    if (code == boost::system::errc::timed_out && home_->now() >= limit_.when)
        return fail_timeout(phase, limit_);
    // What TLS has to say of it: "tlsv13 alert certificate required".
    if (detail.empty() && code == net::tls_errc::protocol_error && lease_)
        detail = lease_->stream.tls_failure();
    fail(phase, code, detail.empty() ? code.message() : std::move(detail));
}

void exchange::fail_protocol(request_phase phase, const std::error_code& code) {
    if (!is_size_limit(code)) {
        fail(phase, code, code.message());
        return;
    }
    fail(request_phase::limit, errc::header_too_large,
         code.message() + ": at most " + std::to_string(client_.options.max_header_bytes()) +
             " bytes (client_options::max_header_bytes), " + std::to_string(h1::limits().fields) +
             " fields of " + std::to_string(h1::limits().line_bytes) + " bytes each");
}

} // namespace tandem::http
