// mutex: mutual exclusion between tasks that suspend while they hold it.
//
//     mutex state_mutex;
//     auto guard = co_await state_mutex.lock();
//     co_await save(state);                       // others wait without blocking their loop
//
// Needed only where a critical section contains a `co_await`, or where tasks of several loops share state:
// between two suspensions a task of one loop is never interrupted. Fair (FIFO), thread-safe, not recursive.
// Cancellation of `lock`: leaves the queue, throws operation_cancelled. A lock that was granted is in the
// guard, never lost.
#pragma once

#include <tandem/sync/semaphore.hpp>

namespace tandem {

// Holds the mutex until it is destroyed or `release()`d. Move-only.
using mutex_guard = semaphore_permit;

class mutex {
public:
    mutex() noexcept : one_(1) {}

    [[nodiscard]] semaphore::acquire_operation lock() noexcept { return one_.acquire(); }
    // Empty (false) when it is taken.
    mutex_guard try_lock() noexcept { return one_.try_acquire(); }

private:
    semaphore one_;
};

} // namespace tandem
