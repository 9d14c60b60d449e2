#include "lib/http/default_fields.hpp"

#include <tandem/http/content_coding.hpp>

namespace tandem::http {

namespace {

// Those that decide about the rest of a request.
constexpr std::string_view decisive[] = {"Host",           "Authorization",    "Proxy-Authorization",
                                         "Cookie",         "Connection",       "Expect",
                                         "Content-Length", "Transfer-Encoding"};

} // namespace

default_fields::default_fields(const client_options& options) {
    const headers& given = options.headers();
    const auto unless_given = [&](std::string_view name, std::string_view value) {
        if (!given.contains(name)) fields_.add(name, value);
    };
    if (!options.user_agent().empty()) unless_given("User-Agent", options.user_agent());
    unless_given("Accept", "*/*");
    offer_codings_ = options.decompress() && !given.contains("Accept-Encoding") && !given.contains("Range");
    if (offer_codings_) fields_.add("Accept-Encoding", decoder::accept_encoding());
    for (const auto field : given)
        fields_.add(field.name, field.value);
    for (const std::string_view name : decisive)
        simple_ = simple_ && !fields_.contains(name);
    for (const auto field : fields_)
        text_.append(field.name).append(": ").append(field.value).append("\r\n");
}

bool default_fields::go_with(const headers& own) const noexcept {
    if (!simple_) return false;
    for (const auto field : own)
        if (fields_.contains(field.name)) return false;
    return own.empty() ||
           !(own.contains("Host") || own.contains("Range") || own.contains("Proxy-Authorization"));
}

} // namespace tandem::http
