// Where a timeline (tandem/observe/) listens. One load for each resumption of a task when nobody
// does.
#pragma once

#include <tandem/core/scheduler.hpp>

#include <atomic>

namespace tandem {

class pool_job;
class task_context;

namespace detail {

// Called on the thread where it happens; must not throw or resume anything.
class trace_hooks {
public:
    virtual void task_resumed(const task_context& task) noexcept = 0;
    // The same stretch of running ends; the task may be gone already.
    virtual void task_left() noexcept = 0;
    virtual void loop_waits(const scheduler& loop) noexcept = 0;
    virtual void loop_woke(const scheduler& loop) noexcept = 0;
    virtual void job_began(const pool_job& job) noexcept = 0;
    virtual void job_ended() noexcept = 0; // the job may be gone already

protected:
    ~trace_hooks() = default;
};

// Set to listen, null otherwise. What was set stays valid for the rest of the process.
inline constinit std::atomic<trace_hooks*> trace{nullptr};

} // namespace detail
} // namespace tandem
