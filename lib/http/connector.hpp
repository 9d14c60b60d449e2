// Opening the connection that a request goes out on: name, TCP or Unix socket, proxy, TLS.
//
// Which way a request goes is decided by the client's options, the URL's origin, and the proxy that the
// request itself may name. The pool knows one client's connections by their origin and, where a request named
// one that is not the client's own choice, by that proxy (`proxy_key`). So connections by different proxies,
// or by different users of one, are never mixed up.
#pragma once

#include "lib/http/client_state.hpp"
#include "lib/http/time_limit.hpp"
#include "lib/net/stream.hpp"

#include <tandem/core/task.hpp>
#include <tandem/http/error.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/response.hpp>
#include <tandem/net/url.hpp>

#include <string>

namespace tandem::http {

/// The proxy that requests for `target` go by, if they say nothing about it; nullptr: none.
[[nodiscard]] const proxy* proxy_for(const client_state& client, const url& target) noexcept;

/// The proxy that `what` goes by, to `target`, which may be where a redirect led it; nullptr: none.
[[nodiscard]] const proxy* proxy_for(const client_state& client, const request& what,
                                     const url& target) noexcept;

/// Tells proxies, and their users, apart; " direct" for none. Holds the password: not for messages.
[[nodiscard]] std::string proxy_key(const proxy* via);

/// Whether such requests are sent to the proxy itself, with the absolute URL (RFC 9112, 3.2.2). One that
/// wants an upgrade (`http1_only`) goes through a tunnel, as a websocket has to (RFC 6455, 4.1); so does one
/// that connect_to leads elsewhere than its URL says.
[[nodiscard]] bool is_sent_to_proxy(const client_state& client, const proxy* via, const url& target,
                                    bool http1_only) noexcept;

/// What opening a connection came to.
class opened {
public:
    explicit opened(const time_limit& whole) noexcept : limit(whole) {}

    net::stream stream; // open when there was no error
    error_code error;
    request_phase phase = request_phase::connect; // the one that failed
    std::string detail;
    time_limit limit; // the last that was in force
};

/// `via` is that of proxy_for. `http1_only`: HTTP/2 is not offered to the server. Within `whole`, and
/// connect_timeout and tls_timeout of the client. Fills in `connect` and `tls` of the timings, and the
/// client's counters. Cancellation: ends at once with operation_aborted, or throws operation_cancelled.
[[nodiscard]] task<opened> open_connection(client_state& client, const url& target, const proxy* via,
                                           bool http1_only, time_limit whole, request_timings& timings);

} // namespace tandem::http
