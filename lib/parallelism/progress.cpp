#include "tandem/parallelism/progress.hpp"

#include <tandem/core/time_span.hpp>

#include <algorithm>
#include <utility>

namespace tandem {

double progress::snapshot::fraction() const noexcept {
    if (total_ == 0) return 0;
    return std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
}

std::optional<progress::clock::duration> progress::snapshot::remaining() const noexcept {
    if (total_ == 0 || done_ == 0) return std::nullopt;
    if (done_ >= total_) return clock::duration::zero();
    const double left = static_cast<double>(total_ - done_) / static_cast<double>(done_);
    // As a time_span, because it may be longer than any duration.
    return time_span(std::chrono::duration<double, std::nano>(static_cast<double>(elapsed_.count()) * left));
}

std::string progress::snapshot::bar(unsigned width) const {
    using seconds = std::chrono::duration<double>;
    const auto in_seconds = [](clock::duration d) {
        return std::to_string(std::chrono::round<std::chrono::seconds>(seconds(d)).count()) + " s";
    };
    if (total_ == 0) return std::to_string(done_) + ", " + in_seconds(elapsed_);
    const auto full = static_cast<unsigned>(fraction() * width);
    std::string percent = std::to_string(static_cast<unsigned>(fraction() * 100));
    percent.insert(0, 3 - percent.size(), ' ');
    std::string text(1, '[');
    text.append(full, '#').append(width - full, '.').append("] ").append(percent).append(" %");
    if (const auto left = remaining()) text.append(", ").append(in_seconds(*left)).append(" left");
    return text;
}

void progress::on_change(callback tell, clock::duration interval) {
    tell_ = std::move(tell);
    interval_ = interval;
    next_.store(later(clock::now(), interval).time_since_epoch().count());
}

void progress::set_total(std::uint64_t units) noexcept {
    fixed_total_.store(units);
}
void progress::expect(std::uint64_t more) noexcept {
    expected_.fetch_add(more);
}
std::uint64_t progress::total() const noexcept {
    const std::uint64_t fixed = fixed_total_.load();
    return fixed != 0 ? fixed : expected_.load();
}

progress::snapshot progress::now() const noexcept {
    // The total first: what is done was expected before, so no more is done than is expected.
    const std::uint64_t all = total();
    return snapshot(done_.load(), all, clock::now() - begun_);
}

void progress::add(std::uint64_t units) {
    const std::uint64_t before = done_.fetch_add(units);
    if (!tell_) return;
    const std::uint64_t all = total();
    if (before < all && before + units >= all)
        tell(true);
    else if (clock::now().time_since_epoch().count() >= next_.load(std::memory_order_relaxed))
        tell(false);
}

void progress::tell(bool last) {
    std::unique_lock lock(telling_, std::defer_lock);
    if (last)
        lock.lock();
    else if (!lock.try_lock())
        return; // somebody is telling
    const clock::time_point at = clock::now();
    if (!last && at.time_since_epoch().count() < next_.load(std::memory_order_relaxed)) return;
    const snapshot seen = now();
    if (seen.done() == told_) return;
    told_ = seen.done();
    next_.store(later(at, interval_).time_since_epoch().count(), std::memory_order_relaxed);
    tell_(seen);
}

} // namespace tandem
