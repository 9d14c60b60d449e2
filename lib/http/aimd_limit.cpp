#include "lib/http/aimd_limit.hpp"

#include <algorithm>

namespace tandem::http {

namespace {

// What is longer than the usual moves it by this part of the difference: a server that has become slower for
// good is believed after some hundred answers.
constexpr int drift = 256;

} // namespace

void aimd_limit::answered(time_point begun, time_point now, duration took, std::size_t in_flight) noexcept {
    const bool known = usual_.count() > 0;
    const bool slow =
        known && how_.tolerance() > 0 &&
        static_cast<double>(took.count()) > how_.tolerance() * static_cast<double>(usual_.count()) &&
        took - usual_ > how_.slack();
    if (!known || took < usual_)
        usual_ = std::max(took, duration(1));
    else
        usual_ += (took - usual_) / drift;
    if (slow) return overloaded(begun, now);
    if (static_cast<double>(in_flight) * 2 < limit_) return; // it was not the limit that held them back
    limit_ = std::min(limit_ + 1 / limit_, static_cast<double>(how_.most_limit()));
}

void aimd_limit::overloaded(time_point begun, time_point now) noexcept {
    if (begun < decreased_) return; // sent under the limit of before: it tells nothing new
    decreased_ = now;
    limit_ =
        std::max(limit_ * std::clamp(how_.decrease(), 0.0, 1.0), static_cast<double>(how_.least_limit()));
}

} // namespace tandem::http
