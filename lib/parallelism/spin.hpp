// Waiting for a moment without giving up the processor.
#pragma once

#include <atomic>
#include <mutex>

namespace tandem::detail {

inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Locks a mutex whose critical sections last nanoseconds: a few tries first, for a sleep in the kernel costs
// more.
inline std::unique_lock<std::mutex> lock_briefly(std::mutex& mutex) {
    for (int i = 0; i < 40; ++i) {
        if (std::unique_lock lock(mutex, std::try_to_lock); lock.owns_lock()) return lock;
        cpu_relax();
    }
    return std::unique_lock(mutex);
}

} // namespace tandem::detail
