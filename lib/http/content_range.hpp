// Content-Range (RFC 9110, 14.4), strictly: what it says decides where bytes go in a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem::http {

class content_range {
public:
    std::optional<std::uint64_t> first; ///< nothing: no part, "bytes */123"
    std::uint64_t last = 0;
    std::optional<std::uint64_t> total; ///< nothing: "*"
};

/// "bytes 0-99/1234", "bytes 0-99/*", "bytes */1234"; nothing for anything else, and for numbers that
/// contradict each other.
[[nodiscard]] std::optional<content_range> parse_content_range(std::string_view value) noexcept;

} // namespace tandem::http
