// From the bytes that a server sends to messages (RFC 6455, 5.4), without I/O.
//
//     for (;;) {
//         event now = reader.read(bytes);      // takes from the front of bytes
//         if (now == event::need_more) receive more bytes;
//     }
//
// Memory: that of the message being put together, which grows with what has come, not with what was
// announced, and never beyond the limit.
#pragma once

#include "lib/http/websocket/deflate.hpp"
#include "lib/http/websocket/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tandem::http::ws {

enum class event {
    need_more, ///< all bytes that could be used have been taken
    message,   ///< see is_text(), take_message()
    ping,      ///< see control()
    pong,      ///< see control()
    close,     ///< see control(); has been checked
    failed,    ///< see failure(); repeated
};

class message_reader {
public:
    /// `compression`: permessage-deflate was agreed on.
    message_reader(std::uint64_t max_message, std::size_t max_fragments, bool compression) noexcept
        : max_message_(max_message), max_fragments_(max_fragments), compression_(compression) {}

    event read(std::string_view& bytes);

    [[nodiscard]] bool is_text() const noexcept { return kind_ == opcode::text; }
    [[nodiscard]] std::string take_message() noexcept { return std::exchange(message_, std::string()); }
    [[nodiscard]] const std::string& control() const noexcept { return control_; }
    [[nodiscard]] std::error_code failure() const noexcept { return failure_; }

private:
    event fail(std::error_code why) noexcept;
    std::error_code begin_frame();
    std::error_code take_data(std::string_view piece);
    event end_frame();

    std::uint64_t max_message_;
    std::size_t max_fragments_;
    bool compression_;

    std::string head_bytes_; // of a head that is not complete: at most 9
    std::optional<frame_head> frame_;
    std::uint64_t left_ = 0; // of the frame's payload

    std::string control_;
    std::string message_;
    std::optional<message_inflater> inflater_;
    opcode kind_ = opcode::text;
    bool in_message_ = false;
    std::size_t fragments_ = 0;
    std::uint64_t wire_bytes_ = 0; // of the message, compressed or not
    std::error_code failure_;
};

} // namespace tandem::http::ws
