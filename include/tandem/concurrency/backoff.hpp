// backoff: how long to wait before something is tried again: exponential, with full jitter.
//
//     backoff pauses(100ms, 10s);
//     while (!co_await try_to_connect()) co_await sleep_for(pauses.next());
//
// Pause n is random, uniform in [0, min(longest, initial * 2^(n - 1))] (Marc Brooker, "Exponential Backoff
// And Jitter", AWS Architecture Blog), so that many clients that failed together do not come back together.
#pragma once

#include <tandem/core/time_span.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace tandem {

// A value; not thread-safe.
class backoff {
public:
    // Less than 0 counts as 0. The same seed gives the same pauses; default: a seed of the system's.
    backoff(time_span initial, time_span longest, std::optional<std::uint64_t> seed = std::nullopt);

    // The next pause; then doubles the bound. Never throws, allocates nothing.
    std::chrono::nanoseconds next() noexcept;

private:
    std::uint64_t random() noexcept;

    std::uint64_t state_;
    std::chrono::nanoseconds longest_;
    std::chrono::nanoseconds ceiling_; // of the next pause
};

} // namespace tandem
