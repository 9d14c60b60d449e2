// What TANDEM_SYNC_POLICY names: the library's atomics and locks are the explorer's.
#pragma once

#include "tests/interleaving/atomic.hpp"
#include "tests/interleaving/blocking.hpp"

#include <atomic>
#include <mutex>

namespace tandem::detail {

template <class T>
using atomic = explore::atomic<T>;
using short_lock = explore::mutex;
using short_condition = explore::condition_variable;

inline void cpu_relax() noexcept {
    explore::yield();
}

} // namespace tandem::detail
