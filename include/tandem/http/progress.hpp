// transfer: how far a body has come, as request::on_upload and request::on_download tell it.
//
//     request.on_download([](const http::transfer& now) {
//         if (now.total()) draw_bar(now.bytes(), *now.total());
//     });
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace tandem::http {

/// A value.
class transfer {
public:
    transfer(std::uint64_t bytes, std::optional<std::uint64_t> total) noexcept
        : bytes_(bytes), total_(total) {}

    /// So far, of the body as it is on the wire: before content decoding, without the framing of chunks.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    /// Of the whole body, where it was announced (Content-Length).
    [[nodiscard]] std::optional<std::uint64_t> total() const noexcept { return total_; }

private:
    std::uint64_t bytes_;
    std::optional<std::uint64_t> total_;
};

/// Called on the client's loop, between two pieces of a body: it should be quick, and must not wait. What it
/// throws leaves the call of the client that it belongs to, whichever form that has.
using progress_function = std::function<void(const transfer&)>;

} // namespace tandem::http
