// What the fuzz targets share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

/// A property that every input must leave true.
inline void require(bool holds, std::source_location where = std::source_location::current()) {
    if (holds) return;
    std::fprintf(stderr, "%s:%u: does not hold\n", where.file_name(), static_cast<unsigned>(where.line()));
    std::abort();
}

/// Calls `take(piece)` for the input in pieces, which its first byte says the size of.
template <class Take>
void in_pieces(std::string_view input, Take&& take) {
    if (input.empty()) return;
    const std::size_t size = static_cast<unsigned char>(input.front()) % 16 + 1;
    for (input.remove_prefix(1); !input.empty();
         input.remove_prefix(input.size() < size ? input.size() : size))
        take(input.substr(0, size));
}

} // namespace fuzz
