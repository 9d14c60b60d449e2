// Points in time by which a part of a request must be done, and which option said so.
#pragma once

#include <tandem/core/scheduler.hpp>

#include <chrono>

namespace tandem::http {

class time_limit {
public:
    using clock = scheduler::clock;
    time_limit(clock::time_point w, std::chrono::nanoseconds l, const char* o) noexcept
        : when(w), length(l), option(o) {}

    /// The limit of one part, `length` from `now` on, within this one. 0: only this one.
    [[nodiscard]] time_limit part(clock::time_point now, std::chrono::nanoseconds l,
                                  const char* o) const noexcept {
        if (l.count() > 0 && l < clock::time_point::max() - now && now + l < when)
            return time_limit(now + l, l, o);
        return *this;
    }

    clock::time_point when;
    std::chrono::nanoseconds length;
    const char* option;
};

} // namespace tandem::http
