// Sleeping on a word of memory, without the spinning and yielding of std::atomic::wait: on a busy machine a
// yield costs a whole time slice.
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tandem::detail {

// Returns when woken, when the word is not `expected`, when `limit` is over (if it is not null), or for no
// reason.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       const std::chrono::nanoseconds* limit = nullptr) noexcept {
    timespec time{};
    if (limit != nullptr) {
        time.tv_sec = static_cast<time_t>(limit->count() / 1'000'000'000);
        time.tv_nsec = static_cast<long>(limit->count() % 1'000'000'000);
    }
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, limit != nullptr ? &time : nullptr, nullptr, 0);
}

// Wakes one. Only the address is used: the word may be gone. (Then somebody else may wait there, and wakes
// for no reason.)
inline void futex_wake(std::atomic<std::uint32_t>* word) noexcept {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

} // namespace tandem::detail
