// How long to wait at most, from any duration. Internal.
#pragma once

#include <chrono>

namespace tandem::detail {

// A year at most, for what is longer may overflow, here or in what is computed with it.
template <class Rep, class Period>
std::chrono::nanoseconds wait_limit(std::chrono::duration<Rep, Period> limit) noexcept {
    constexpr std::chrono::hours year(24 * 365);
    if (std::chrono::duration<double>(limit) > year) return year;
    return std::chrono::duration_cast<std::chrono::nanoseconds>(limit);
}

} // namespace tandem::detail
