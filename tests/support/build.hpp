// What kind of build the tests run in.
#pragma once

#include <cstddef>
#include <cstdint>

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

#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool thread_sanitized = true;
#else
inline constexpr bool thread_sanitized = false;
#endif
#else
inline constexpr bool thread_sanitized = false;
#endif

// A number of repetitions: `plain` in ordinary builds, a part of it under a sanitizer.
constexpr std::size_t repeat(std::size_t plain, std::size_t under_sanitizer) {
    return sanitized ? under_sanitizer : plain;
}

// About where the caller's stack is: the address of a local variable of a function of its own (those of a
// coroutine may live in its frame). Not the address of a fake frame, which AddressSanitizer may use for
// locals.
[[gnu::noinline]] inline std::uintptr_t stack_position() noexcept {
    return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}
constexpr std::uintptr_t apart(std::uintptr_t a, std::uintptr_t b) noexcept {
    return a < b ? b - a : a - b;
}

} // namespace tests
