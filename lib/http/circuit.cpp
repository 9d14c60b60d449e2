#include "lib/http/circuit.hpp"

#include <tandem/core/time_span.hpp>

#include <algorithm>

namespace tandem::http {

void circuit::become(circuit_state next) {
    state_ = next;
    ++period_;
    probing_ = succeeded_ = 0;
}

void circuit::trip(time_point now) {
    become(circuit_state::open);
    open_until_ = later(now, how_.open_for());
}

bool circuit::admit(time_point now) {
    if (state_ == circuit_state::open) {
        if (now < open_until_) return false;
        become(circuit_state::half_open);
    }
    if (state_ == circuit_state::closed) return true;
    if (probing_ + succeeded_ >= how_.probes()) return false;
    ++probing_;
    return true;
}

void circuit::count(bool failed) {
    if (calls_ == results_.size())
        failures_ -= results_[next_] ? 1 : 0;
    else
        ++calls_;
    results_[next_] = failed;
    failures_ += failed ? 1 : 0;
    next_ = (next_ + 1) % static_cast<unsigned>(results_.size());
}

void circuit::end(std::uint64_t period, verdict how, time_point now) {
    if (period != period_) return; // of another time
    if (state_ == circuit_state::half_open) {
        --probing_;
        if (how == verdict::failure) return trip(now);
        if (how == verdict::success && ++succeeded_ == how_.probes()) {
            become(circuit_state::closed);
            calls_ = failures_ = next_ = 0;
        }
        return;
    }
    if (how == verdict::nothing) return;
    count(how == verdict::failure);
    const unsigned least = std::max(1u, std::min(how_.minimum_calls(), how_.window()));
    if (how == verdict::failure && calls_ >= least && failures_ >= how_.failure_ratio() * calls_) trip(now);
}

} // namespace tandem::http
