// How many repetitions a retry policy may still make: a bucket of tokens.
#pragma once

#include <algorithm>
#include <mutex>

namespace tandem::http {

/// Thread-safe: the interceptor of one options object may serve clients of several loops.
class retry_budget {
public:
    retry_budget(double ratio, double reserve) noexcept
        : ratio_(std::max(ratio, 0.0)), most_(std::max(reserve, 0.0)), tokens_(most_) {}

    /// A request has begun.
    void add() noexcept {
        const std::lock_guard lock(mutex_);
        tokens_ = std::min(tokens_ + ratio_, most_);
    }
    /// For a repetition; false when there is none left.
    [[nodiscard]] bool take() noexcept {
        const std::lock_guard lock(mutex_);
        if (tokens_ < 1.0) return false;
        tokens_ -= 1.0;
        return true;
    }

private:
    std::mutex mutex_;
    const double ratio_;
    const double most_;
    double tokens_;
};

} // namespace tandem::http
