// What an exchange tells the client's observers.
#include "lib/http/exchange.hpp"

namespace tandem::http {

void exchange::tell_start() {
    observed_ = true;
    id_ = ++client_.last_id;
    tell(request_event::kind::started);
}

void exchange::tell(request_event::kind what, std::chrono::nanoseconds took) const {
    request_event event(what, id_, method_name(), url_);
    event.status(status_).duration(took).attempt(attempt_);
    if (what == request_event::kind::failed && error_) event.failure(*error_);
    for (const auto& told : client_.options.observers())
        told(event);
}

// Once it may be used. What has not been measured did not happen.
void exchange::tell_connection() const {
    if (reused_) return tell(request_event::kind::reused);
    if (timings_.dns.count() > 0) tell(request_event::kind::resolved, timings_.dns);
    tell(request_event::kind::connected, timings_.connect);
    if (timings_.tls.count() > 0) tell(request_event::kind::secured, timings_.tls);
}

void exchange::tell_end(request_event::kind what) noexcept {
    observed_ = false;
    tell(what, home_->now() - start_);
}

} // namespace tandem::http
