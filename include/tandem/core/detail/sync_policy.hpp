// The atomics and the lock of the synchronization primitives, and of the loop's and the pool's protocols.
//
// They are named here once, so that a test can put its own in their place and run every interleaving of a
// primitive's steps: it compiles the primitives with TANDEM_SYNC_POLICY naming a header that defines the same
// names, and those of lib/core/blocking_policy.hpp (tests/interleaving).
#pragma once

#ifdef TANDEM_SYNC_POLICY
#include TANDEM_SYNC_POLICY
#else

#include <atomic>
#include <mutex>

namespace tandem::detail {

template <class T>
using atomic = std::atomic<T>;

// Held for nanoseconds only, never across a suspension or a call of user code.
using short_lock = std::mutex;

} // namespace tandem::detail

#endif
