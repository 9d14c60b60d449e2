// Waiting for a moment without giving up the processor.
#pragma once

#include "lib/core/blocking_policy.hpp"

#include <mutex>

namespace tandem::detail {

// Locks a mutex whose critical sections last nanoseconds: a few tries first, for a sleep in the kernel costs
// more.
inline std::unique_lock<short_lock> lock_briefly(short_lock& mutex) {
    for (int i = 0; i < 40; ++i) {
        if (std::unique_lock lock(mutex, std::try_to_lock); lock.owns_lock()) return lock;
        cpu_relax();
    }
    return std::unique_lock(mutex);
}

} // namespace tandem::detail
