#include "tandem/http/method.hpp"

namespace tandem::http {

std::string_view to_string(method value) noexcept {
    switch (value) {
    case method::get:
        return "GET";
    case method::head:
        return "HEAD";
    case method::post:
        return "POST";
    case method::put:
        return "PUT";
    case method::delete_:
        return "DELETE";
    case method::connect:
        return "CONNECT";
    case method::options:
        return "OPTIONS";
    case method::trace:
        return "TRACE";
    case method::patch:
        return "PATCH";
    }
    return {};
}

std::optional<method> parse_method(std::string_view name) noexcept {
    for (const method value : {method::get, method::post, method::head, method::put, method::delete_,
                               method::connect, method::options, method::trace, method::patch})
        if (name == to_string(value)) return value;
    return std::nullopt;
}

bool is_safe(method value) noexcept {
    return value == method::get || value == method::head || value == method::options ||
           value == method::trace;
}

bool is_idempotent(method value) noexcept {
    return is_safe(value) || value == method::put || value == method::delete_;
}

} // namespace tandem::http
