// concurrency_limiter: as many requests at a time to a server as it stands: more while it answers quickly,
// fewer when it gets slow or refuses.
//
//     auto limiter = std::make_shared<http::concurrency_limiter>();
//     http::client web(http::client_options().connections_per_host(200).intercept(limiter));
//
// Each origin (scheme, host and port of the request's URL) has a limit of its own, which is adapted by
// additive increase and multiplicative decrease (AIMD, as TCP does; Chiu and Jain 1989): an answer in good
// time raises it by 1/limit, if at least half of it was in use; 429, 503, an answer that took more than
// `tolerance` times the usual, a time limit or a broken connection multiply it by `decrease`, but only once
// for what was on its way together. The usual is the shortest time to the header that was seen; it grows
// slowly while answers take longer. Limits of the pool hold beside it: a request waits here first, and for a
// connection then.
//
// Requests beyond the limit wait, first come, first served, until the call's total time is over (phase
// `intercept`, timed_out); when `max_waiting` wait already they fail at once (errc::too_many_waiting). A
// stream counts until it is destroyed.
#pragma once

#include <tandem/core/time_span.hpp>
#include <tandem/http/interceptor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace tandem::http {

/// A value. Setters chain.
class concurrency_limiter_options {
public:
    using duration = std::chrono::nanoseconds;

    concurrency_limiter_options();

    /// 10, between 1 and 200 (at least 1 each).
    concurrency_limiter_options& limit(std::size_t first, std::size_t least, std::size_t most);
    concurrency_limiter_options& decrease(double factor) { ///< 0.8
        decrease_ = factor;
        return *this;
    }
    /// 2 times the usual, and at least `slack` (5 ms) longer, is slow. 0: time does not matter.
    concurrency_limiter_options& tolerance(double times, time_span slack = std::chrono::milliseconds(5)) {
        tolerance_ = times;
        slack_ = slack;
        return *this;
    }
    concurrency_limiter_options& statuses(std::vector<int> which) { ///< 429, 503
        statuses_ = std::move(which);
        return *this;
    }
    concurrency_limiter_options& max_waiting(std::size_t n) { ///< 1,000 for each origin
        max_waiting_ = n;
        return *this;
    }
    /// Origins that are remembered: 1,000; beyond that those that were not asked for longest are forgotten.
    concurrency_limiter_options& max_origins(std::size_t n) {
        max_origins_ = n ? n : 1;
        return *this;
    }

    [[nodiscard]] std::size_t first_limit() const noexcept { return first_; }
    [[nodiscard]] std::size_t least_limit() const noexcept { return least_; }
    [[nodiscard]] std::size_t most_limit() const noexcept { return most_; }
    [[nodiscard]] double decrease() const noexcept { return decrease_; }
    [[nodiscard]] double tolerance() const noexcept { return tolerance_; }
    [[nodiscard]] duration slack() const noexcept { return slack_; }
    [[nodiscard]] const std::vector<int>& statuses() const noexcept { return statuses_; }
    [[nodiscard]] std::size_t max_waiting() const noexcept { return max_waiting_; }
    [[nodiscard]] std::size_t max_origins() const noexcept { return max_origins_; }

private:
    std::size_t first_ = 10;
    std::size_t least_ = 1;
    std::size_t most_ = 200;
    double decrease_ = 0.8;
    double tolerance_ = 2.0;
    duration slack_ = std::chrono::milliseconds(5);
    std::vector<int> statuses_;
    std::size_t max_waiting_ = 1000;
    std::size_t max_origins_ = 1000;
};

/// Thread-safe: may be given to clients of several loops.
///
/// Cancellation: one that waits leaves the queue and throws operation_cancelled; one that is under way gives
/// its place back when it has ended, and changes no limit.
class concurrency_limiter final : public interceptor {
public:
    explicit concurrency_limiter(concurrency_limiter_options how = concurrency_limiter_options());
    ~concurrency_limiter() override;

    [[nodiscard]] task<result<response>> send(request what, next rest) override;
    [[nodiscard]] task<result<response_stream>> open(request what, next rest) override;

    // Of the URL's origin.
    [[nodiscard]] std::size_t limit(const url& where) const;     ///< in force now
    [[nodiscard]] std::size_t in_flight(const url& where) const; ///< requests that have a place
    [[nodiscard]] std::size_t waiting(const url& where) const;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace tandem::http
