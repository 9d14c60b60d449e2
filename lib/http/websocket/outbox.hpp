// Frames on their way to the socket: a frame that has begun must end, also when the task that put it there
// was cancelled.
#pragma once

#include "lib/http/websocket/frame.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::http::ws {

class outbox {
public:
    static constexpr std::size_t piece_bytes = 64 * 1024;
    static constexpr std::size_t kept_bytes = 64 * 1024; // of memory, while nothing is in it

    outbox() noexcept {}

    /// Behind what is there already, under a fresh key. Throws std::runtime_error when OpenSSL has none.
    void append(opcode code, bool compressed, std::string_view payload);

    [[nodiscard]] bool empty() const noexcept { return at_ == bytes_.size(); }
    /// What belongs on the wire next, at most piece_bytes; valid until the next append or sent.
    [[nodiscard]] std::string_view piece() const noexcept {
        return std::string_view(bytes_).substr(at_, piece_bytes);
    }
    void sent(std::size_t n) noexcept; ///< of piece()

    [[nodiscard]] std::size_t memory() const noexcept { return bytes_.capacity(); }

private:
    std::string bytes_;
    std::size_t at_ = 0;
};

} // namespace tandem::http::ws
