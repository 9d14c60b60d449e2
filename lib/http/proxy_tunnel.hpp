// Asking a proxy for a connection to somewhere else: CONNECT (RFC 9110, section 9.3.6) and SOCKS5 (RFC 1928,
// 1929). The stream's own deadline bounds all of it, and what a proxy may say is bounded.
#pragma once

#include "lib/http/digest_auth.hpp"
#include "lib/http/host_port.hpp"
#include "lib/net/stream.hpp"

#include <tandem/core/error.hpp>
#include <tandem/core/task.hpp>
#include <tandem/http/proxy.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace tandem::http {

class tunnel_result {
public:
    tunnel_result() noexcept {}
    tunnel_result(error_code ec, std::string words) : error(ec), detail(std::move(words)) {}
    error_code error; // none: what is sent now goes to the other end
    std::string detail;
    std::optional<digest_challenge> challenge; // of a 407, if there is one that can be answered
};

/// "host:port", with brackets around IPv6: the target of a CONNECT.
[[nodiscard]] std::string connect_target(const host_port& to);

/// Sends host and port, `authorization` for the proxy (empty: none), and nothing of the request that is to
/// come. The answer's header has `max_header_bytes` at most. A byte behind it is an error: the other end
/// waits for us to begin. Cancellation: operation_aborted.
[[nodiscard]] task<tunnel_result> connect_tunnel(net::stream& stream, const proxy& via, const host_port& to,
                                                 std::string authorization, std::size_t max_header_bytes);

/// `to.host`: an address, or a name for the proxy to look up. Cancellation: operation_aborted.
[[nodiscard]] task<tunnel_result> socks_tunnel(net::stream& stream, const proxy& via, const host_port& to);

} // namespace tandem::http
