// What fork-join works with: the forks of one worker that have not begun. Internal.
//
// A fork is a job on the stack of who forks. It goes to a list that only this worker sees, which costs a few
// plain stores; its owner takes it back from there, newest first, and runs it like a call. Only while few of
// a worker's jobs are visible to thieves does it move its oldest forks (the largest pieces of the work) to
// its deque. So in a deep recursion nearly every fork stays private, and an idle worker always finds
// something.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>

namespace tandem::detail {

class fork_stack;

// An end for which one worker waits, running other work or asleep.
class join_point {
public:
    join_point(const join_point&) = delete;
    join_point& operator=(const join_point&) = delete;

protected:
    join_point() noexcept {} // a fork that stays private needs nothing of this
    explicit join_point(pool_worker& owner) noexcept : owner_(&owner), state_(pending) {}
    ~join_point() = default;

    // This object may be gone when it returns.
    void complete() noexcept; // lib/parallelism/fork_join.cpp

private:
    friend class pool_worker;

    enum state : unsigned char { pending, awaited, done };

    bool is_done() const noexcept { return state_.load(std::memory_order_seq_cst) == done; }

    pool_worker* owner_;
    atomic<state> state_; // awaited: the owner sleeps until it is done
};

// A job that its owner joins before its memory goes. `complete` is the last step of its action.
class fork_job : public pool_job, protected join_point {
protected:
    explicit fork_job(action act) noexcept : pool_job(act) {}
    ~fork_job() = default;

private:
    friend class fork_stack;
    friend class pool_worker;

    // Neighbours in the private list.
    fork_job* older_;
    fork_job* newer_;
    std::int64_t index_; // its place in the deque, set when it moves there, as is the join_point
};

class fork_stack {
public:
    fork_stack(thread_pool& owner, std::size_t workers) noexcept
        : pool_(&owner), workers_(workers), hungry_(workers > 1) {}
    fork_stack(const fork_stack&) = delete;
    fork_stack& operator=(const fork_stack&) = delete;

    thread_pool& pool() const noexcept { return *pool_; }
    std::size_t workers() const noexcept { return workers_; }

    // Would a new fork be visible to other workers at once? Loops split only then.
    bool hungry() const noexcept { return hungry_.load(std::memory_order_relaxed); }

    void push(fork_job& job) noexcept {
        job.older_ = newest_;
        if (newest_ != nullptr)
            newest_->newer_ = &job;
        else
            oldest_ = &job;
        newest_ = &job;
        if (hungry()) [[unlikely]]
            offer();
    }

    // Ends a fork; all later forks of this worker have ended. True: nobody has begun the job, and the caller
    // runs it now, in place of its action. False: it has run elsewhere.
    bool take_back(fork_job& job) noexcept {
        if (newest_ != &job) return !join(job);
        if (oldest_ == &job)
            oldest_ = newest_ = nullptr;
        else
            newest_ = job.older_;
        if (hungry()) [[unlikely]]
            offer(); // the job that is run now may take long
        return true;
    }

protected:
    ~fork_stack() = default;

    void set_hungry() noexcept { hungry_.store(true, std::memory_order_seq_cst); }

private:
    friend class pool_worker;

    void offer() noexcept;             // moves the oldest forks to the deque
    bool join(fork_job& job) noexcept; // false: taken back from the deque

    thread_pool* pool_;
    std::size_t workers_;
    fork_job* oldest_ = nullptr;
    fork_job* newest_ = nullptr;
    atomic<bool> hungry_; // too few jobs are in the deque; set by thieves, cleared by the owner
};

// Those of the worker that the calling thread is.
inline constinit thread_local fork_stack* current_forks = nullptr;

// A call that runs on a worker while another thread waits for it.
class blocking_call : public pool_job {
public:
    // Throws std::logic_error on a loop's thread and std::runtime_error when the pool has stopped.
    void run_on(thread_pool& pool);

protected:
    using function = void (*)(blocking_call& self, fork_stack& forks);

    explicit blocking_call(function what) noexcept : pool_job(&act), function_(what) {}
    ~blocking_call() = default;

private:
    static void act(pool_job& job, bool dropped) noexcept;

    function function_;
    short_lock mutex_;
    void* waiter_ = nullptr; // the condition on which the caller waits
    bool done_ = false;
    bool dropped_ = false;
    std::exception_ptr failure_;
};

template <class F>
class blocking_call_of final : public blocking_call {
public:
    explicit blocking_call_of(F& f) noexcept : blocking_call(&call), f_(f) {}

private:
    static void call(blocking_call& self, fork_stack& forks) {
        static_cast<blocking_call_of&>(self).f_(forks);
    }

    F& f_;
};

// f(forks) on a worker of the pool: right here when this thread is one, else the caller blocks until it has
// run.
template <class F>
void on_worker_of(thread_pool& pool, F&& f) {
    fork_stack* const forks = current_forks;
    if (forks != nullptr && &forks->pool() == &pool) return f(*forks);
    blocking_call_of<std::remove_reference_t<F>> call(f);
    call.run_on(pool);
}

} // namespace tandem::detail
