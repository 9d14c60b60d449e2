// The circuit of one origin, without time, waiting and locks of its own.
#pragma once

#include <tandem/core/scheduler.hpp>
#include <tandem/http/circuit_breaker.hpp>

#include <cstdint>
#include <vector>

namespace tandem::http {

class circuit {
public:
    using time_point = scheduler::clock::time_point;
    enum class verdict { success, failure, nothing };

    explicit circuit(const circuit_breaker_options& how) : how_(how), results_(how.window()) {}

    /// Whether a request may pass now; it then ends with end() and this period.
    [[nodiscard]] bool admit(time_point now);
    [[nodiscard]] std::uint64_t period() const noexcept { return period_; }
    void end(std::uint64_t period, verdict how, time_point now);

    [[nodiscard]] circuit_state state() const noexcept { return state_; }
    [[nodiscard]] time_point open_until() const noexcept { return open_until_; }
    [[nodiscard]] unsigned calls() const noexcept { return calls_; }
    [[nodiscard]] unsigned failures() const noexcept { return failures_; }

private:
    void become(circuit_state next);
    void trip(time_point now);
    void count(bool failed);

    const circuit_breaker_options& how_;
    circuit_state state_ = circuit_state::closed;
    std::uint64_t period_ = 0;  // one more with each change of state
    std::vector<bool> results_; // a ring; true: failed
    unsigned next_ = 0;
    unsigned calls_ = 0;
    unsigned failures_ = 0;
    time_point open_until_;
    unsigned probing_ = 0;   // under way
    unsigned succeeded_ = 0; // of the probes
};

} // namespace tandem::http
