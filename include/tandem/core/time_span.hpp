// time_span: a length of time as functions of the library take it, from any std::chrono::duration.
//
//     co_await sleep_for(1500ms);
//     co_await sleep_for(1.5s);
//     auto page = co_await with_timeout(std::chrono::hours::max(), fetch(url));     // that is: no limit
//
// The library counts nanoseconds in 64 bits, which is 292 years. A longer duration does not overflow, as it
// does when std::chrono converts it, but becomes the longest one; `later` does the same for points in time.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

namespace tandem {

class time_span {
public:
    using nanoseconds = std::chrono::nanoseconds;

    constexpr time_span() noexcept {} // zero

    // Rounds towards zero. Not a number counts as zero.
    template <class Rep, class Period>
    constexpr time_span(std::chrono::duration<Rep, Period> length) noexcept // implicit: a parameter's type
        : length_(saturated(length)) {}

    constexpr operator nanoseconds() const noexcept { return length_; }
    constexpr std::int64_t count() const noexcept { return length_.count(); } // nanoseconds

    static constexpr time_span longest() noexcept { return nanoseconds::max(); }

private:
    template <class Rep, class Period>
    static constexpr nanoseconds saturated(std::chrono::duration<Rep, Period> length) noexcept {
        using unit = std::ratio_divide<Period, std::nano>;
        if constexpr (std::is_integral_v<Rep> && unit::den == 1) {
            std::int64_t count = 0;
            if (__builtin_mul_overflow(length.count(), std::int64_t{unit::num}, &count))
                return length.count() < 0 ? nanoseconds::min() : nanoseconds::max();
            return nanoseconds(count);
        } else {
            const auto exact = std::chrono::duration<long double, std::nano>(length).count();
            if (exact >= static_cast<long double>(nanoseconds::max().count())) return nanoseconds::max();
            if (exact <= static_cast<long double>(nanoseconds::min().count())) return nanoseconds::min();
            return exact == exact ? nanoseconds(static_cast<std::int64_t>(exact)) : nanoseconds::zero();
        }
    }

    nanoseconds length_{0};
};

// `length` after `time`, or the last (or first) point in time that there is.
constexpr std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point time,
                                                      time_span length) noexcept {
    static_assert(std::is_same_v<std::chrono::steady_clock::duration, std::chrono::nanoseconds>);
    using point = std::chrono::steady_clock::time_point;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(std::int64_t{time.time_since_epoch().count()}, length.count(), &sum))
        return length.count() < 0 ? point::min() : point::max();
    return point(std::chrono::nanoseconds(sum));
}

} // namespace tandem
