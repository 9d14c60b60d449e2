// block_on: an awaitable, awaited by a plain thread.
//
//     auto guard = tandem::block_on(state_mutex.lock());
//     std::optional<page> p = tandem::block_on(with_timeout(1s, pages.receive()));
//     tandem::block_on(copy_all, std::ref(source), std::ref(target));   // a task of f(args...)
//
// This is how a thread that has no loop (main before a runtime, a thread of another library, a pool worker)
// uses every primitive of this library. The awaitable runs on the calling thread, which sleeps while it
// waits; tasks that other threads wake, timers, task groups and `offload` on a worker all work. There is no
// I/O here: what needs an Asio executor throws std::logic_error. Use a runtime for that.
//
// Returns what `co_await` would, or throws what it would. Nothing cancels it from outside; give it a
// `with_timeout` where it must not wait for ever. Any number of threads may be in block_on at once.
//
// Failure: std::logic_error when the calling thread runs a loop or a task: it would block all other tasks of
// that loop, among them perhaps the one waited for; use co_await there. (A handler on a foreign Asio executor
// is not recognized; do not call it there either.)
//
// On a pool worker it is allowed, and takes the worker for as long as it waits. `offload` inside goes to
// that same pool: when all its workers block like this, nobody is left to run what they wait for. (On a pool
// of one worker the call of a `future` that is awaited without a deadline is run by the one who awaits it.)
#pragma once

#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>

#include <coroutine>
#include <memory>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {

// The scheduler of one block_on, and the context of its task.
class blocking_run {
public:
    blocking_run(); // throws std::logic_error: see above
    ~blocking_run();
    blocking_run(const blocking_run&) = delete;
    blocking_run& operator=(const blocking_run&) = delete;

    task_context& context() noexcept;
    void execute(std::coroutine_handle<> entry) noexcept; // returns when the context has finished

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace detail

template <class T>
T block_on(task<T> t) {
    detail::blocking_run run;
    task<T> mine(std::move(t)); // goes before the scheduler that it may refer to
    run.execute(mine.bind(run.context()));
    return mine.take_result();
}

template <class A>
    requires(detail::awaitable_in_task<A> && !is_task<A>::value)
await_result_t<A> block_on(A awaitable) {
    return block_on(as_task(std::move(awaitable)));
}

template <class F, class... Args>
    requires(invocable_task<F, Args...> && !is_task<F>::value)
invoke_awaited_t<F, Args...> block_on(F f, Args... args) {
    return block_on(tandem::invoke(std::move(f), std::move(args)...));
}

} // namespace tandem
