// What kind of build the tests run in.
#pragma once

#include <cstddef>

namespace tests {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

// A number of repetitions: `plain` in ordinary builds, a part of it under a sanitizer.
constexpr std::size_t repeat(std::size_t plain, std::size_t under_sanitizer) {
    return sanitized ? under_sanitizer : plain;
}

} // namespace tests
