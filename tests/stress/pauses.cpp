#include "tests/stress/pauses.hpp"

#include <chrono>
#include <thread>

namespace stress {
namespace {

std::atomic<std::uint64_t> common_seed{1};
std::atomic<std::uint64_t> threads{0};

// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
std::uint64_t next(std::uint64_t& state) noexcept {
    state += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

} // namespace

void seed(std::uint64_t value) noexcept {
    common_seed.store(value);
    threads.store(0);
}

void pause() noexcept {
    thread_local std::uint64_t state = common_seed.load() * 1'000'003 + threads.fetch_add(1);
    const std::uint64_t random = next(state);
    if (random % 16 != 0) return;
    if (random % 65'536 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(random >> 58)); // up to 63
    else if (random % 4'096 == 0)
        std::this_thread::yield();
    else
        for (std::uint64_t i = random >> 59; i != 0; --i) // up to 31
            std::atomic_signal_fence(std::memory_order_seq_cst);
}

} // namespace stress
