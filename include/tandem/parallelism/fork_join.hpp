// parallel_invoke: calls that may run at the same time, and the end of all of them.
//
//     long fib(thread_pool& pool, int n) {
//         if (n < 2) return n;
//         long a, b;
//         parallel_invoke(pool, [&] { a = fib(pool, n - 1); }, [&] { b = fib(pool, n - 2); });
//         return a + b;
//     }
//
// On a worker of the pool a call costs a few nanoseconds more than a function call and never blocks the
// worker: while another worker runs one of the calls it runs other work of the pool, its own first. (So do
// not hold a lock across it that such work may want.) The stack stays bounded: a worker that is already deep
// in such work waits without taking more. Any other thread hands the calls to the pool and blocks.
//
// On a loop's thread it would block the loop: it throws std::logic_error there; in a task,
// `co_await offload(...)` around it.
#pragma once

#include <tandem/parallelism/detail/fork_stack.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace tandem {

// Calls all functions, the first in this thread if it is a worker of the pool; results are dropped. When one
// throws, those that have not begun are skipped where possible, those that run are waited for, and the
// exception of the first in the order of the arguments is thrown. Throws std::logic_error on a loop's thread,
// std::runtime_error when the pool has stopped.
template <class F, class... Fs>
    requires(std::invocable<F&> && ... && std::invocable<Fs&>)
void parallel_invoke(thread_pool& pool, F&& f, Fs&&... others);

// Implementation

namespace detail {

template <class F>
class forked_call final : public fork_job {
public:
    explicit forked_call(F& f) noexcept : fork_job(&act), f_(f) {}

    // For the owner, after a join that found it done.
    void rethrow() {
        if (failure_) [[unlikely]]
            std::rethrow_exception(std::move(failure_));
    }

private:
    static void act(pool_job& job, bool) noexcept { // never dropped: its owner joins it first
        auto& self = static_cast<forked_call&>(job);
        try {
            self.f_(*current_forks);
        } catch (...) {
            self.failure_ = std::current_exception();
        }
        self.complete();
    }

    F& f_;
    std::exception_ptr failure_;
};

// first(forks) here and second(forks) wherever there is a worker for it.
template <class First, class Second>
void fork_two(fork_stack& forks, First&& first, Second&& second) {
    forked_call<std::remove_reference_t<Second>> fork(second);
    forks.push(fork);
    try {
        first(forks);
    } catch (...) {
        static_cast<void>(forks.take_back(fork)); // waits if it has begun
        throw;
    }
    if (forks.take_back(fork))
        second(forks);
    else
        fork.rethrow();
}

template <class F>
void invoke_forked(fork_stack&, F& f) {
    std::invoke(f);
}

template <class F, class... Fs>
void invoke_forked(fork_stack& forks, F& f, Fs&... others) {
    fork_two(
        forks, [&](fork_stack&) { std::invoke(f); },
        [&](fork_stack& there) { invoke_forked(there, others...); });
}

} // namespace detail

template <class F, class... Fs>
    requires(std::invocable<F&> && ... && std::invocable<Fs&>)
void parallel_invoke(thread_pool& pool, F&& f, Fs&&... others) {
    detail::on_worker_of(pool,
                         [&](detail::fork_stack& forks) { detail::invoke_forked(forks, f, others...); });
}

} // namespace tandem
