// The few fields that decide how a message is framed, collected in one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tandem/http/headers.hpp"

namespace tandem::http::h1 {

/// A decimal number of digits only; nothing beyond 2^64-1 (RFC 9110, 8.6).
[[nodiscard]] std::optional<std::uint64_t> parse_length(std::string_view text) noexcept;

/// What framing depends on. Values are views into the headers looked at; of repeated fields the first.
struct framing_fields {
    std::size_t hosts = 0;
    std::string_view host;
    std::size_t lengths = 0;
    std::string_view length;
    std::size_t codings = 0; ///< Transfer-Encoding lines
    std::string_view coding;
    bool close = false;           ///< Connection: close
    bool keep_alive = false;      ///< Connection: keep-alive
    bool expect_continue = false; ///< Expect: 100-continue
};

[[nodiscard]] framing_fields look_at(const http::headers& fields) noexcept;

} // namespace tandem::http::h1
