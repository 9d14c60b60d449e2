// Frames of the WebSocket protocol (RFC 6455, 5), without I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace tandem::http::ws {

/// What a peer has done that the protocol, or a limit, does not allow.
enum class error {
    reserved_bits = 1,   ///< without an extension that gives them a meaning
    bad_opcode,          ///< 3 to 7, 11 to 15
    bad_control_frame,   ///< in fragments, or with more than 125 bytes
    bad_length,          ///< not in its shortest form, or of 2^63 and more
    masked_by_server,    ///< RFC 6455, 5.1
    bad_continuation,    ///< nothing to continue, or a new message inside another
    bad_close,           ///< a payload of one byte, or a code that may not be sent
    bad_utf8,            ///< in a text message, or in a reason for closing
    message_too_large,   ///< websocket_options::max_message_bytes
    too_many_fragments,  ///< websocket_options::max_fragments
    bad_compressed_data, ///< not what permessage-deflate makes
    ended_without_close, ///< the connection ended, and no close frame came
    no_pong,             ///< no answer to a ping within websocket_options::pong_timeout
    closed,              ///< sending after close()
    write_timeout,       ///< the server took nothing for websocket_options::write_timeout
};
[[nodiscard]] const std::error_category& category() noexcept; ///< "tandem.websocket"
[[nodiscard]] std::error_code make_error_code(error value) noexcept;

/// The status code that tells the peer (RFC 6455, 7.4.1).
[[nodiscard]] std::uint16_t close_code_for(error value) noexcept;

enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

[[nodiscard]] constexpr bool is_control(opcode code) noexcept {
    return (static_cast<unsigned>(code) & 8) != 0;
}

inline constexpr std::size_t most_control_bytes = 125;

struct frame_head {
    opcode code = opcode::continuation;
    bool fin = false;
    bool compressed = false; // RSV1, of permessage-deflate
    bool masked = false;
    std::uint64_t length = 0;
    std::size_t size = 0; // of the head itself, without the key
};

/// Reads the head at the front of `bytes`: nothing while it is not complete. What it says is checked as far
/// as a head alone can be wrong.
[[nodiscard]] std::optional<frame_head> read_head(std::string_view bytes, std::error_code& failure) noexcept;

using mask_key = std::array<unsigned char, 4>;

/// Appends a frame as a client sends it, its payload masked with `key`.
void write_frame(std::string& out, opcode code, bool compressed, std::string_view payload,
                 const mask_key& key);

/// The code and the reason of a close frame.
struct close_payload {
    std::uint16_t code = 1005; // none was given
    std::string_view reason;
};
[[nodiscard]] close_payload read_close(std::string_view payload, std::error_code& failure) noexcept;
[[nodiscard]] bool is_close_code(std::uint16_t code) noexcept; // that may be sent

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

} // namespace tandem::http::ws

template <>
struct std::is_error_code_enum<tandem::http::ws::error> : std::true_type {};
