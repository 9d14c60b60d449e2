#include <tandem/sync/detail/selection.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>

namespace tandem::detail {

std::size_t random_case(std::size_t cases) noexcept {
    // xorshift32 (G. Marsaglia, 2003). The same in each run: a test that fails can be repeated.
    constinit static thread_local std::uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % cases;
}

lock_all::lock_all(short_lock** locks, std::size_t count) noexcept : locks_(locks) {
    std::sort(locks, locks + count, std::less<>());
    count_ = static_cast<std::size_t>(std::unique(locks, locks + count) - locks);
    for (std::size_t i = 0; i < count_; ++i)
        locks_[i]->lock();
}

lock_all::~lock_all() {
    for (std::size_t i = count_; i > 0; --i)
        locks_[i - 1]->unlock();
}

} // namespace tandem::detail
