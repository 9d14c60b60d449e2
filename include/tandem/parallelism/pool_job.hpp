// What a thread_pool runs, at its lowest: intrusive jobs; and the error of a pool that runs no more.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace tandem {

namespace detail {
class job_queue;
class pool_state;
class pool_worker;
} // namespace detail

// An intrusive job: it lives in its owner's memory (a coroutine frame, a stack, a member) and the pool links
// it without allocating. From submit until the action is called, or try_remove said true, the memory must
// stay valid and the job must not be submitted again. The pool does not touch the job once the action has
// begun, so the action may destroy it or submit it anew.
class pool_job {
public:
    // Called exactly once per submit, unless the job was removed: on a worker with dropped == false, or with
    // dropped == true when the pool stops (or has stopped) before the job began.
    using action = void (*)(pool_job& self, bool dropped) noexcept;

    explicit pool_job(action act) noexcept : action_(act) {}
    pool_job(const pool_job&) = delete;
    pool_job& operator=(const pool_job&) = delete;

private:
    friend class detail::job_queue;
    friend class detail::pool_state;
    friend class detail::pool_worker;

    action action_;
    pool_job* next_ = nullptr; // the links and injected_ belong to the injection queue's mutex
    pool_job* previous_ = nullptr;
    bool injected_ = false;
    std::uint8_t epoch_ = 0; // which drain counts it
};

// The pool has stopped, or stopped before a call began that was queued.
class pool_stopped : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace tandem
