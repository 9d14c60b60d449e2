// retry_options: which requests of a client are repeated, when, and how often (client_options::retry).
//
//     http::client web(http::client_options().retry(http::retry_options().attempts(4)).total_timeout(20s));
//
// Repeated is a request that failed for a reason that may pass (error::is_transient), or was answered with
// 429, 502, 503 or 504; and only if repeating is safe: its method is idempotent (RFC 9110, 9.2.2), or it has
// an Idempotency-Key field, or nothing of it was sent; and its body, if it has one, can be sent again.
//
// The pause is exponential with full jitter (concurrency/backoff.hpp), but at least what Retry-After asks for
// (RFC 9110, 10.2.3: seconds, or a date, which counts from the response's Date). If that is longer than
// max_retry_after, or the call's total time would be over, there is no further attempt. Nor is there when the
// budget is spent: each call adds a part of a token to a bucket, each repetition takes one, so that a server
// that fails is not asked three times as often. The last answer, or error, is then the result;
// error::attempt() says how many attempts there were, error::elapsed() how long all of it took.
//
// Streams (client::open) are repeated until their header is there; a failure within the body is the reader's.
//
// Cancellation: ends the attempt, or the pause, at once; throws operation_cancelled.
#pragma once

#include <tandem/core/time_span.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace tandem::http {

class error;
class request;

/// A value. Setters chain.
class retry_options {
public:
    using duration = std::chrono::nanoseconds;
    /// Whether a failure is worth another attempt. Not asked where repeating would not be safe.
    using predicate = std::function<bool(const request&, const error&)>;

    retry_options();

    retry_options& attempts(unsigned n) { ///< 3, the first included; 0 counts as 1
        attempts_ = n ? n : 1;
        return *this;
    }
    retry_options& initial_delay(time_span d) { ///< 100 ms: the bound of the first pause, then doubled
        initial_delay_ = d;
        return *this;
    }
    retry_options& max_delay(time_span d) { ///< 10 s: the bound of each pause
        max_delay_ = d;
        return *this;
    }
    /// 60 s; 0: Retry-After is not looked at.
    retry_options& max_retry_after(time_span d) {
        max_retry_after_ = d;
        return *this;
    }
    /// No limit. For each attempt; the call's own limit (total_timeout) holds for all of it.
    retry_options& attempt_timeout(time_span d) {
        attempt_timeout_ = d;
        return *this;
    }
    /// 429, 502, 503, 504
    retry_options& statuses(std::vector<int> which) {
        statuses_ = std::move(which);
        return *this;
    }
    /// Default: error::is_transient.
    retry_options& when(predicate worth_it) {
        when_ = std::move(worth_it);
        return *this;
    }
    /// False; true: also requests that may have been carried out. Only for servers that can tell.
    retry_options& also_unsafe_methods(bool yes) {
        also_unsafe_ = yes;
        return *this;
    }
    /// 0.1 and 10: a call adds `ratio` tokens, a repetition takes one; the bucket holds `reserve` and begins
    /// full.
    retry_options& budget(double ratio, double reserve) {
        budget_ratio_ = ratio;
        budget_reserve_ = reserve;
        return *this;
    }
    /// The same pauses in each run. Default: a seed of the system's.
    retry_options& seed(std::uint64_t s) {
        seed_ = s;
        return *this;
    }

    [[nodiscard]] unsigned attempts() const noexcept { return attempts_; }
    [[nodiscard]] duration initial_delay() const noexcept { return initial_delay_; }
    [[nodiscard]] duration max_delay() const noexcept { return max_delay_; }
    [[nodiscard]] duration max_retry_after() const noexcept { return max_retry_after_; }
    [[nodiscard]] std::optional<duration> attempt_timeout() const noexcept { return attempt_timeout_; }
    [[nodiscard]] const std::vector<int>& statuses() const noexcept { return statuses_; }
    [[nodiscard]] const predicate& when() const noexcept { return when_; }
    [[nodiscard]] bool also_unsafe_methods() const noexcept { return also_unsafe_; }
    [[nodiscard]] double budget_ratio() const noexcept { return budget_ratio_; }
    [[nodiscard]] double budget_reserve() const noexcept { return budget_reserve_; }
    [[nodiscard]] std::optional<std::uint64_t> seed() const noexcept { return seed_; }

private:
    unsigned attempts_ = 3;
    bool also_unsafe_ = false;
    duration initial_delay_ = std::chrono::milliseconds(100);
    duration max_delay_ = std::chrono::seconds(10);
    duration max_retry_after_ = std::chrono::seconds(60);
    std::optional<duration> attempt_timeout_;
    std::vector<int> statuses_;
    predicate when_;
    double budget_ratio_ = 0.1;
    double budget_reserve_ = 10;
    std::optional<std::uint64_t> seed_;
};

} // namespace tandem::http
