// event: a flag that tasks can wait for (manual reset). auto_reset_event: a signal that one task consumes.
//
//     event ready;
//     co_await ready.wait();        // in any number of tasks, on any loop
//     ready.set();                  // from anywhere: all of them go on, and later ones do not wait
//
//     auto_reset_event changed;
//     co_await changed.wait();      // exactly one waiter for each `set`, the oldest
//     changed.set();                // nobody waits: stays set for the next one
//
// Sets of an auto_reset_event that nobody has consumed yet are one: it is a flag, not a count (a semaphore
// counts).
//
// Thread-safe; a plain thread uses `block_on(ready.wait())`. An event must outlive its waiters.
// Cancellation of `wait`: throws operation_cancelled; a wait that was over already succeeds. So a signal is
// never lost to a cancelled waiter: either its `wait` returned normally, or the next one gets it.
#pragma once

#include <tandem/core/wait_list.hpp>

#include <coroutine>

namespace tandem {

class event {
public:
    explicit event(bool set = false) noexcept : set_(set) {}
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event();

    class wait_awaiter;
    class wait_operation;

    // Waits until the flag is set; returns at once when it is. No allocation.
    [[nodiscard]] wait_operation wait() noexcept;

    void set() noexcept;   // wakes every waiter, in order of arrival
    void reset() noexcept; // later waits wait again
    bool is_set() const noexcept;

private:
    mutable detail::short_lock mutex_;
    bool set_;
    wait_list waiters_;
};

class event::wait_awaiter : private queued_operation {
public:
    wait_awaiter(event& owner, task_context& context) noexcept
        : queued_operation(context, owner.mutex_), owner_(owner) {}

    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    void await_resume() const;

private:
    friend class event;
    event& owner_;
};

class event::wait_operation {
public:
    explicit wait_operation(event& owner) noexcept : owner_(owner) {}
    wait_awaiter await_in(task_context& context) const noexcept { return wait_awaiter(owner_, context); }

private:
    event& owner_;
};

inline event::wait_operation event::wait() noexcept {
    return wait_operation(*this);
}

class auto_reset_event {
public:
    explicit auto_reset_event(bool set = false) noexcept : set_(set) {}
    auto_reset_event(const auto_reset_event&) = delete;
    auto_reset_event& operator=(const auto_reset_event&) = delete;
    ~auto_reset_event();

    class wait_awaiter;
    class wait_operation;

    // Waits for a signal and consumes it. First come, first served. No allocation.
    [[nodiscard]] wait_operation wait() noexcept;

    // Consumes a signal that is there; false when none is.
    bool try_wait() noexcept;

    void set() noexcept;   // wakes the oldest waiter; without one the signal stays
    void reset() noexcept; // drops a signal that nobody has consumed
    bool is_set() const noexcept;

private:
    mutable detail::short_lock mutex_;
    bool set_; // only without waiters
    wait_list waiters_;
};

class auto_reset_event::wait_awaiter : private queued_operation {
public:
    wait_awaiter(auto_reset_event& owner, task_context& context) noexcept
        : queued_operation(context, owner.mutex_), owner_(owner) {}
    ~wait_awaiter();

    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> at) noexcept;
    void await_resume();

private:
    friend class auto_reset_event;
    auto_reset_event& owner_;
    bool handed_over_ = false; // the signal has gone to the task
};

class auto_reset_event::wait_operation {
public:
    explicit wait_operation(auto_reset_event& owner) noexcept : owner_(owner) {}
    wait_awaiter await_in(task_context& context) const noexcept { return wait_awaiter(owner_, context); }

private:
    auto_reset_event& owner_;
};

inline auto_reset_event::wait_operation auto_reset_event::wait() noexcept {
    return wait_operation(*this);
}

} // namespace tandem
