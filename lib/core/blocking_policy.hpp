// What a thread waits with, beside the names of sync_policy.hpp; apart from them because <condition_variable>
// is not for public headers. A test that explores interleavings puts its own in their place.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>

#ifndef TANDEM_SYNC_POLICY

#include <condition_variable>

namespace tandem::detail {

// Waited for with a short_lock.
using short_condition = std::condition_variable;

// A hint to the processor inside of a loop that waits for a moment.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

} // namespace tandem::detail

#endif
