// What RFC 9111 says of storing, freshness, selecting and renewing: without I/O, clocks and state.
#pragma once

#include "lib/http/cache_control.hpp"

#include <tandem/http/cache.hpp>
#include <tandem/http/cache_store.hpp>
#include <tandem/http/client_options.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/response.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tandem::http::caching {

using seconds = std::chrono::seconds;
using time_point = cached_response::time_point;

/// The directives of a request; of Pragma's (RFC 9111, 5.4) when there is no Cache-Control.
[[nodiscard]] cache_control directives_of(const request& what, const client_options& options);

/// Whether a response to GET may be kept (3), and is of use.
[[nodiscard]] bool may_store(const cache_control& wanted, const response_info& got, const cache_options& how);

/// How long it is fresh after it was made (4.2.1), and how old it is (4.2.3).
[[nodiscard]] seconds freshness_lifetime(const cached_response& kept, const cache_options& how);
[[nodiscard]] seconds current_age(const cached_response& kept, time_point now);

enum class usability {
    fresh,    // may be given as it is
    stale,    // may be given as it is, because the request says so
    validate, // only after asking
};
[[nodiscard]] usability judge(const cached_response& kept, const cache_control& wanted, time_point now,
                              const cache_options& how);

/// Whether it may be given when asking has failed (RFC 5861, 4).
[[nodiscard]] bool stands_in_for_error(const cached_response& kept, const cache_control& wanted,
                                       time_point now, const cache_options& how);

/// Whether it may be given while it is asked for again (RFC 5861, 3). Asked where judge says `validate`.
[[nodiscard]] bool may_be_given_meanwhile(const cached_response& kept, const cache_control& wanted,
                                          time_point now, const cache_options& how);

/// Who asks: a hash of the credentials of a request, empty without.
[[nodiscard]] std::string owner_of(const request& what, const client_options& options);

/// What cached_response::variant is for a response with that Vary, if this request is asked (4.1).
[[nodiscard]] std::string variant_of(const headers& response_fields, const request& what,
                                     const client_options& options, std::string_view owner);

/// The fields of a response that may be kept: without those of the connection (3.1), with a Date.
[[nodiscard]] headers storable_fields(const headers& fields, time_point received);

/// The fields of a kept response renewed by a 304 (3.2).
[[nodiscard]] headers renewed_fields(const headers& kept, const headers& fresh);

} // namespace tandem::http::caching
