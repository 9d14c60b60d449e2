// What the interceptors of this library share.
#pragma once

#include "lib/http/own_fault.hpp"

#include <tandem/http/interceptor.hpp>

#include <type_traits>
#include <utility>

namespace tandem::http {

/// Hands a request on, for a whole response or a stream.
template <class R>
[[nodiscard]] task<result<R>> pass_on(const next& rest, request what) {
    if constexpr (std::is_same_v<R, response>)
        return rest.send(std::move(what));
    else
        return rest.open(std::move(what));
}

/// Whether an error tells that the server, or the way to it, does not work: not limits of the client,
/// redirects that were refused, a full pool, other interceptors.
[[nodiscard]] inline bool blames_server(const error& failure) noexcept {
    switch (failure.phase()) {
    case request_phase::resolve:
    case request_phase::connect:
    case request_phase::proxy:
    case request_phase::tls:
    case request_phase::response_head:
    case request_phase::body:
        return true;
    case request_phase::send:
        return !is_own_fault(failure.code());
    default:
        return false;
    }
}

} // namespace tandem::http
