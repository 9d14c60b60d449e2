// condition_variable: waits, under a mutex, until something has become true.
//
//     auto guard = co_await state_mutex.lock();
//     co_await not_empty.wait(guard, [&] { return !jobs.empty(); });
//     ... the mutex is held, and jobs is not empty
//
//     jobs.push_back(job);           // with the mutex held
//     not_empty.notify_one();        // with or without it
//
// For a queue use `channel`, for a flag `event`: they are simpler. This is for conditions over a state of
// several parts. Waiters are woken in order of arrival. But another task may have locked the mutex in
// between, and a notification may have been passed on (see below): so the form with a predicate is the one to
// use.
//
// Thread-safe. The condition variable must outlive its waiters. A plain thread uses
// `block_on(not_empty.wait(guard, predicate))`.
//
// Cancellation: the mutex is held again whenever a wait returns or throws; locking it anew is not ended by a
// cancellation, so it may take as long as others hold the mutex. A waiter that was notified returns normally
// even if it was cancelled at the same time. A notification is never lost to a cancelled waiter: a waiter
// that gives up leaves the queue first, and one that was woken, found its predicate false and is then
// cancelled, or whose predicate throws, passes the notification on.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/core/wait_list.hpp>
#include <tandem/sync/mutex.hpp>

#include <utility>

namespace tandem {

class condition_variable {
public:
    condition_variable() noexcept {}
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;
    ~condition_variable();

    // Unlocks the guard's mutex, waits for a notification, locks again. The guard must live until then, and
    // nobody else may use it. In a task that was cancelled before: throws at once, with the mutex held.
    // std::logic_error when the guard holds no mutex.
    [[nodiscard]] task<> wait(mutex_guard& guard);

    // Waits until `predicate()`, called with the mutex held, is true; not at all when it is so at first.
    template <class Predicate>
    [[nodiscard]] task<> wait(mutex_guard& guard, Predicate predicate);

    void notify_one() noexcept; // wakes the oldest waiter; nothing without one
    void notify_all() noexcept; // wakes all that wait now

private:
    class wait_awaiter;
    class wait_operation;

    task<bool> wait_once(mutex_guard& guard); // false: cancelled; the mutex is held either way
    [[noreturn]] static void throw_cancelled();

    detail::short_lock lock_;
    wait_list waiters_;
};

// Implementation

template <class Predicate>
task<> condition_variable::wait(mutex_guard& guard, Predicate predicate) {
    bool woken = false;
    try {
        while (!predicate()) {
            const bool notified = co_await wait_once(guard);
            if (!notified) throw_cancelled();
            woken = true;
        }
    } catch (...) {
        if (woken) notify_one(); // this one had it, and cannot use it
        throw;
    }
}

} // namespace tandem
