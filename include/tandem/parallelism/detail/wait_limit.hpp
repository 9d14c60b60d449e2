// How long to wait at most, from any duration. Internal.
#pragma once

#include <tandem/core/time_span.hpp>

#include <algorithm>
#include <chrono>

namespace tandem::detail {

// At least nothing and at most a year, for beyond that what is computed with it may overflow.
constexpr std::chrono::nanoseconds wait_limit(time_span limit) noexcept {
    using std::chrono::nanoseconds;
    return std::clamp<nanoseconds>(limit, nanoseconds::zero(), std::chrono::hours(24 * 365));
}

} // namespace tandem::detail
