// event: a flag that tasks can wait for (manual reset).
//
//     event ready;
//     co_await ready.wait();        // in any number of tasks, on any loop
//     ready.set();                  // from anywhere: all of them go on, and later ones do not wait
//
// Thread-safe. The event must outlive its waiters.
// Cancellation of `wait`: throws operation_cancelled; a wait that was over already succeeds.
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

} // namespace tandem
