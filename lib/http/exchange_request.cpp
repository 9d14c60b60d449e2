// What a request says: its fields, and what the transport is told.
#include "lib/http/exchange.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/connector.hpp"
#include "lib/http/headers_access.hpp"
#include "lib/http/redirect.hpp"

#include <tandem/http/cookie_jar.hpp>

namespace tandem::http {

// The fields of the request, but for credentials and cookies: the client's and its own.
void exchange::choose_fields(http::headers& fields, bool to_proxy) {
    const http::headers& own = request_.headers();
    const auto wanted = [&](std::string_view name) {
        // What was meant for a proxy is not for a server: behind a tunnel, or reached without a proxy.
        if (!to_proxy && detail::iequals(name, "Proxy-Authorization")) return false;
        return !(drop_credentials_ && is_bound_to_origin(name)) && !(drop_body_ && describes_body(name));
    };
    const http::headers& defaults = client_.defaults.fields();
    if (drop_credentials_ || (!own.contains("Host") && !defaults.contains("Host")))
        fields.add("Host", url_.authority());
    offered_codings_ =
        client_.defaults.offer_codings() && !own.contains("Accept-Encoding") && !own.contains("Range");
    const auto not_for_this = [&](std::string_view name) {
        // The client's, and this request goes by another proxy.
        if (request_.proxy_chosen() && detail::iequals(name, "Proxy-Authorization")) return true;
        // Offered by default, but not for a part.
        return client_.defaults.offer_codings() && !offered_codings_ &&
               detail::iequals(name, "Accept-Encoding");
    };
    for (const auto field : defaults)
        if (!own.contains(field.name) && wanted(field.name) && !not_for_this(field.name))
            fields.add(field.name, field.value);
    for (const auto field : own)
        if (wanted(field.name)) fields.add(field.name, field.value);
}

// The same where the client's fields are all sent: they come as they lie ready.
void exchange::choose_own_fields(http::headers& fields) {
    using detail::headers_access;
    headers_access::append(fields, "Host", url_.authority()); // which the writer looks at
    for (const auto field : request_.headers())
        headers_access::append(fields, field.name, field.value);
    offered_codings_ = client_.defaults.offer_codings();
}

// Tells the transport what the request is.
bool exchange::begin_request() {
    const proxy* const by = via();
    const bool to_proxy = is_sent_to_proxy(client_, by, url_, http1_only_);
    const bool ready =
        !lease_->http2 && !drop_credentials_ && !drop_body_ && client_.defaults.go_with(request_.headers());
    http::headers& fields = client_.scratch;
    fields.clear();
    if (ready)
        choose_own_fields(fields);
    else
        choose_fields(fields, to_proxy);
    add_authorization(fields);
    told_proxy_ = false;
    if (to_proxy) add_proxy_authorization(fields, *by);
    if (client_.options.cookies() && !fields.contains("Cookie")) {
        const std::string cookies = client_.options.cookies()->header_for(url_);
        if (!cookies.empty() && !fields.try_add("Cookie", cookies))
            return fail(request_phase::send, errc::bad_request,
                        "a cookie has a character that HTTP does not allow");
    }
    close_ = fields.has_token("Connection", "close");

    const http::method verb = reader_method();
    const bool body = !drop_body_ && (request_.has_body() || verb == method::put || verb == method::patch ||
                                      (verb == method::post && request_.verb()));
    const h1::body_plan plan = body ? plan_body() : h1::body_plan::none();
    expecting_ = body && request_.continue_wait() && !expect_refused_ &&
                 (plan.framing() == h1::framing::chunked || plan.bytes() != 0);
    if (expecting_ && !fields.contains("Expect")) fields.add("Expect", "100-continue");
    const request_line line(method_name(), verb, url_, to_proxy);
    std::error_code failure;
    if (verb == method::connect)
        failure = make_error_code(h1::error::bad_target); // a tunnel is no request for a URL
    else if (ready)
        failure = lease_->http1.begin(line, fields, plan, client_.defaults.text());
    else
        failure = wire_->begin(line, fields, plan);
    if (failure) return fail(request_phase::send, errc::bad_request, failure.message());
    if (expecting_ || request_.on_informational()) wire_->show_interim();
    return true;
}

} // namespace tandem::http
