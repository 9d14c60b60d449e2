// circuit_breaker: stops asking a server that fails, and looks from time to time whether it has recovered.
//
//     auto breaker = std::make_shared<http::circuit_breaker>();
//     http::client web(http::client_options().retry(http::retry_options()).intercept(breaker));
//
// Each origin (scheme, host and port of the request's URL) has a circuit of its own:
//
//     closed     requests pass. Once `failure_ratio` of the last `window` have failed, and there were at
//                least `minimum_calls`: open.
//     open       requests fail at once (phase `intercept`, errc::circuit_open). After `open_for` the next
//                request makes it half-open.
//     half-open  `probes` requests pass, others fail as above. All of them succeeded: closed, and what was
//                counted before is forgotten. One failed: open.
//
// A request has failed when nothing came of it (name, connect, TLS, sending, response, body, its time limit),
// or with one of `statuses`. Limits of the client, redirects that are refused, a full pool say nothing of the
// server and count neither way; nor does a request that was cancelled: a probe's place is free again then. A
// request that ends after its circuit has changed is not counted.
//
// Streams count when their header is there.
#pragma once

#include <tandem/core/time_span.hpp>
#include <tandem/http/interceptor.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::http {

enum class circuit_state { closed, open, half_open };

/// "closed", "open", "half-open"
[[nodiscard]] std::string_view to_string(circuit_state state) noexcept;

/// A value. Setters chain.
class circuit_breaker_options {
public:
    using duration = std::chrono::nanoseconds;
    using observer = std::function<void(std::string_view origin, circuit_state from, circuit_state to)>;

    circuit_breaker_options();

    circuit_breaker_options& failure_ratio(double ratio) { ///< 0.5; of the calls in the window
        failure_ratio_ = ratio;
        return *this;
    }
    circuit_breaker_options& window(unsigned calls) { ///< 20; at least 1, at most 10,000
        window_ = calls < 1 ? 1 : calls > 10'000 ? 10'000 : calls;
        return *this;
    }
    circuit_breaker_options& minimum_calls(unsigned calls) { ///< 10; more than `window` counts as that
        minimum_calls_ = calls;
        return *this;
    }
    circuit_breaker_options& open_for(time_span d) { ///< 30 s
        open_for_ = d;
        return *this;
    }
    circuit_breaker_options& probes(unsigned calls) { ///< 1; at least 1
        probes_ = calls ? calls : 1;
        return *this;
    }
    circuit_breaker_options& statuses(std::vector<int> which) { ///< 500, 502, 503, 504
        statuses_ = std::move(which);
        return *this;
    }
    /// Origins that are remembered: 1,000; beyond that those that were not asked for longest are forgotten.
    circuit_breaker_options& max_origins(std::size_t n) {
        max_origins_ = n ? n : 1;
        return *this;
    }
    /// Told of each change, where it happens. Must not throw, nor use the breaker.
    circuit_breaker_options& on_change(observer told) {
        on_change_ = std::move(told);
        return *this;
    }

    [[nodiscard]] double failure_ratio() const noexcept { return failure_ratio_; }
    [[nodiscard]] unsigned window() const noexcept { return window_; }
    [[nodiscard]] unsigned minimum_calls() const noexcept { return minimum_calls_; }
    [[nodiscard]] duration open_for() const noexcept { return open_for_; }
    [[nodiscard]] unsigned probes() const noexcept { return probes_; }
    [[nodiscard]] const std::vector<int>& statuses() const noexcept { return statuses_; }
    [[nodiscard]] std::size_t max_origins() const noexcept { return max_origins_; }
    [[nodiscard]] const observer& on_change() const noexcept { return on_change_; }

private:
    double failure_ratio_ = 0.5;
    unsigned window_ = 20;
    unsigned minimum_calls_ = 10;
    duration open_for_ = std::chrono::seconds(30);
    unsigned probes_ = 1;
    std::vector<int> statuses_;
    std::size_t max_origins_ = 1000;
    observer on_change_;
};

/// Thread-safe: may be given to clients of several loops. Constant time for each request.
///
/// Cancellation: as what it hands the request to; it waits for nothing itself.
class circuit_breaker final : public interceptor {
public:
    explicit circuit_breaker(circuit_breaker_options how = circuit_breaker_options());
    ~circuit_breaker() override;

    [[nodiscard]] task<result<response>> send(request what, next rest) override;
    [[nodiscard]] task<result<response_stream>> open(request what, next rest) override;

    /// Of the URL's origin. One that has never been asked is closed; so is said of one that is open until a
    /// request finds that its time is over: open.
    [[nodiscard]] circuit_state state(const url& where) const;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace tandem::http
