// The directives of Cache-Control (RFC 9111, 5.2) that a private cache looks at.
#pragma once

#include <tandem/http/headers.hpp>

#include <chrono>
#include <optional>

namespace tandem::http {

class cache_control {
public:
    using seconds = std::chrono::seconds;

    cache_control() noexcept {}
    /// All Cache-Control fields of a message. A number that is none counts as 0, one that is too large as
    /// 2^31 (RFC 9111, 1.2.2 and 4.2.1); of several the least.
    explicit cache_control(const headers& fields) { read(fields); }
    void read(const headers& fields);

    bool any = false; // there is such a field
    bool no_store = false;
    bool no_cache = false; // also with a list of fields: the stricter reading
    bool must_revalidate = false;
    bool must_understand = false;
    bool is_public = false;
    bool is_private = false;
    bool only_if_cached = false;
    bool max_stale_any = false; // max-stale without a number
    std::optional<seconds> max_age;
    std::optional<seconds> max_stale;
    std::optional<seconds> min_fresh;
    std::optional<seconds> stale_if_error; // RFC 5861
    std::optional<seconds> stale_while_revalidate;

private:
    void take(std::string_view name, std::optional<std::string_view> value);
};

} // namespace tandem::http
