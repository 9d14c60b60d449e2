// permessage-deflate (RFC 7692) without context takeover: each message stands for itself, so nothing is kept
// between messages, and the memory is that of one message being compressed (256 KiB) or read (40 KiB).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace tandem::http::ws {

/// One message as permessage-deflate sends it. Throws std::bad_alloc.
[[nodiscard]] std::string compress_message(std::string_view text);

/// Reads one compressed message, frame by frame.
class message_inflater {
public:
    message_inflater();
    ~message_inflater();
    message_inflater(message_inflater&&) noexcept;
    message_inflater& operator=(message_inflater&&) noexcept;

    /// Appends what `in` makes; error::message_too_large when `out` would grow beyond `limit`.
    [[nodiscard]] std::error_code push(std::string_view in, std::string& out, std::uint64_t limit);
    /// After the last piece.
    [[nodiscard]] std::error_code finish(std::string& out, std::uint64_t limit);

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace tandem::http::ws
