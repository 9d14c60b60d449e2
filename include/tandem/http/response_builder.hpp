// response_builder: a response that no server sent: for interceptors that answer by themselves, and tests.
//
//     co_return http::response_builder(what.url()).status(503).header("Retry-After", "5").build();
#pragma once

#include <tandem/http/response.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// A value. Default: 200, nothing else. Thread safety: as every value.
class response_builder {
public:
    explicit response_builder(tandem::url where) {
        made_.url_ = std::move(where);
        made_.status_ = 200;
    }
    /// Begins with all that `like` has.
    explicit response_builder(response like) noexcept : made_(std::move(like)) {}

    response_builder& status(int code) {
        made_.status_ = code;
        return *this;
    }
    response_builder& reason(std::string text) {
        made_.reason_ = std::move(text);
        return *this;
    }
    response_builder& method(std::string name) {
        made_.method_ = std::move(name);
        return *this;
    }
    /// Appends a field. Throws std::invalid_argument as headers::add.
    response_builder& header(std::string_view name, std::string_view value) {
        made_.headers_.add(name, value);
        return *this;
    }
    response_builder& headers(http::headers all) {
        made_.headers_ = std::move(all);
        return *this;
    }
    response_builder& body(std::string bytes) {
        made_.body_ = std::move(bytes);
        return *this;
    }
    response_builder& decoded(bool yes) { ///< what response::decoded says
        made_.decoded_ = yes;
        return *this;
    }
    response_builder& protocol(http::protocol what) {
        made_.protocol_ = what;
        return *this;
    }
    response_builder& timings(const request_timings& t) {
        made_.timings_ = t;
        return *this;
    }

    [[nodiscard]] response build() & { return made_; }
    [[nodiscard]] response build() && { return std::move(made_); }

private:
    response made_;
};

} // namespace tandem::http
