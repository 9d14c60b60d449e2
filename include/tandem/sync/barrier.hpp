// barrier: tasks meet, again and again.
//
//     barrier round(4, [] { merge_results(); });
//     co_await round.arrive_and_wait();      // in each of four tasks: all go on when the last one has come
//
// A phase is over when as many have arrived as are expected. Then the completion function, if there is one,
// runs once, on the thread of the last arrival and under no lock, before anyone is released; and the next
// phase begins. More tasks than are expected may share a barrier: whoever comes too early for the next phase
// is counted there, first come, first served.
//
// What leaves the completion function is thrown by the `arrive_and_wait` of everyone in that phase (one
// shared exception object), and by `arrive_and_drop` when that was the last arrival. The phase is over
// nevertheless, and the barrier usable.
//
// Cancellation of `arrive_and_wait`: takes its arrival back and throws operation_cancelled; so a task may try
// again, for example after a `with_timeout`, and is counted once. A task that leaves for good calls
// `arrive_and_drop`, which never waits; the others would wait for it otherwise. Once the last one has
// arrived it is too late to take back: the wait returns normally.
//
// Thread-safe; a plain thread uses `block_on(round.arrive_and_wait())`. The barrier must outlive its waiters
// and the calls to it.
#pragma once

#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>

namespace tandem {

class barrier {
public:
    // Throws std::invalid_argument when nobody is expected. `completion` must not wait for the
    // barrier.
    explicit barrier(std::size_t expected, std::function<void()> completion = nullptr);
    barrier(const barrier&) = delete;
    barrier& operator=(const barrier&) = delete;
    ~barrier();

    class wait_awaiter;
    class wait_operation;

    // Arrives, when it is awaited, and waits for the end of the phase. Throws std::logic_error when everybody
    // has dropped out. No allocation.
    [[nodiscard]] wait_operation arrive_and_wait() noexcept;

    // Arrives without waiting; this phase's successors expect one less. Throws std::logic_error when
    // everybody has dropped out.
    void arrive_and_drop();

    std::size_t expected() const noexcept; // of the present phase and later ones

private:
    wait_awaiter* take_phase() noexcept; // lock_ held
    std::exception_ptr end_phase(wait_awaiter* first);

    mutable detail::short_lock lock_;
    std::size_t expected_;
    std::size_t waiting_ = 0; // length of waiters_
    bool ending_ = false;     // a completion function runs; who comes meanwhile waits
    bool due_ = false;        // while ending_: the last one expected has dropped out of the next phase
    const std::function<void()> completion_;
    wait_list waiters_;
};

// Implementation

class barrier::wait_awaiter final : private queued_operation {
public:
    wait_awaiter(barrier& owner, task_context& context) noexcept
        : queued_operation(context, owner.lock_), owner_(owner) {}
    ~wait_awaiter() { leave_queue(); }

    bool await_ready() const noexcept { return cancelled_before() && refuse_now(); }
    bool await_suspend(std::coroutine_handle<> at);
    void await_resume();

private:
    friend class barrier;
    void withdrawn(wake_chain& to_wake) noexcept override;

    barrier& owner_;
    wait_awaiter* next_of_phase_ = nullptr;
    std::exception_ptr failure_;
};

class barrier::wait_operation {
public:
    explicit wait_operation(barrier& owner) noexcept : owner_(owner) {}
    wait_awaiter await_in(task_context& context) const noexcept { return wait_awaiter(owner_, context); }

private:
    barrier& owner_;
};

inline barrier::wait_operation barrier::arrive_and_wait() noexcept {
    return wait_operation(*this);
}

} // namespace tandem
