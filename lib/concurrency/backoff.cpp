#include <tandem/concurrency/backoff.hpp>

#include <algorithm>
#include <random>

namespace tandem {

namespace {

// The system is asked once for each thread; then a counter gives each use a seed of its own.
std::uint64_t fresh_seed() {
    thread_local std::uint64_t next = [] {
        std::random_device device;
        return (std::uint64_t{device()} << 32) | device();
    }();
    return next += 0x9e3779b97f4a7c15u;
}

} // namespace

backoff::backoff(time_span initial, time_span longest, std::optional<std::uint64_t> seed)
    : state_(seed ? *seed : fresh_seed()),
      longest_(std::max<std::chrono::nanoseconds>(longest, std::chrono::nanoseconds::zero())),
      ceiling_(std::clamp<std::chrono::nanoseconds>(initial, std::chrono::nanoseconds::zero(), longest_)) {}

std::chrono::nanoseconds backoff::next() noexcept {
    const auto span = static_cast<std::uint64_t>(ceiling_.count()) + 1;
    const auto pause = std::chrono::nanoseconds(static_cast<std::int64_t>(random() % span));
    ceiling_ = ceiling_ < longest_ / 2 ? ceiling_ * 2 : longest_;
    return pause;
}

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to spread clients.
std::uint64_t backoff::random() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

} // namespace tandem
