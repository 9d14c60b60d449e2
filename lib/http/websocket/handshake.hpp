// The opening handshake of a client (RFC 6455, 4.1).
#pragma once

#include <tandem/http/headers.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http::ws {

/// 16 random bytes, in base64.
[[nodiscard]] std::string make_key();

/// What the server's Sec-WebSocket-Accept must be.
[[nodiscard]] std::string accept_for(std::string_view key);

/// What was agreed on, or why there is no websocket.
struct agreement {
    std::string failure; // for people; empty: none
    std::string subprotocol;
    bool compression = false;
};

/// The value of Sec-WebSocket-Extensions that offers compression. The server must not keep its context from
/// message to message, nor expect it of us.
inline constexpr std::string_view compression_offer =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

[[nodiscard]] agreement check_answer(int status, const headers& fields, std::string_view key,
                                     const std::vector<std::string>& subprotocols, bool compression);

} // namespace tandem::http::ws
