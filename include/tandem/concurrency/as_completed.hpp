// as_completed: the results of many tasks, in the order in which they end.
//
//     task<std::size_t> total(completions<page>& results) {
//         std::size_t sum = 0;
//         while (auto page = co_await results.next()) {
//             if (*page) sum += page->value().size();      // page->index(): its place in `fetches`
//         }
//         co_return sum;
//     }
//     std::size_t bytes = co_await as_completed(std::move(fetches), 16, total);
//
// It is a scope, not an object: a local object could not wait for the tasks that still run when it is left
// early, because a destructor cannot wait. So the loop is in a function of its own: `body(results)` runs in
// the caller's chain, at most `limit` of the tasks (0 counts as 1) run beside it, and however it is left,
// by its end, by `co_return` from the loop, or by an exception, the tasks that still run are cancelled and
// waited for before as_completed returns; those that were not begun are destroyed. The tasks begin when the
// body does.
//
// Failure: that of a task is in its `completed<T>` and cancels nobody; `value()` rethrows it, which leaves
// the body unless it is caught. What `body` throws leaves as_completed. Cancellation: passed on to the tasks
// and seen by `body` in `next` and its other operations; as_completed then ends as the body does. Outcomes
// that the body did not ask for are dropped. Backpressure: the results that nobody has taken yet count for
// the limit, so memory does not grow when the body is slow. One allocation for all tasks, none for each.
#pragma once

#include <tandem/concurrency/detail/completion_queue.hpp>
#include <tandem/concurrency/outcome.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/task.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

// How one task ended, and which.
template <class T>
class completed : public outcome<T> {
public:
    completed(std::size_t index, outcome<T> how) : outcome<T>(std::move(how)), index_(index) {}
    std::size_t index() const noexcept { return index_; }

private:
    std::size_t index_;
};

// What the body of as_completed is given. Used on the scheduler of as_completed, by one task at a time; it
// may be a child of the body's, as in `with_timeout(5s, results.next())`.
template <class T>
class completions {
public:
    completions(std::vector<task<T>>& tasks, std::size_t limit) : queue_(tasks, limit) {}

    class next_awaiter {
    public:
        next_awaiter(detail::completion_queue<T>& queue, task_context& context) noexcept
            : wait_(queue, context), queue_(queue) {}
        bool await_ready() noexcept { return wait_.ready(); }
        void await_suspend(std::coroutine_handle<> at) noexcept { wait_.suspend(at); }
        std::optional<completed<T>> await_resume() {
            if (wait_.cancelled()) throw operation_cancelled("the wait for a completed task was cancelled");
            detail::completion_child<T>* const child = queue_.take();
            queue_.begin_more(); // before the value is moved, which may throw
            std::optional<completed<T>> next;
            if (child) next.emplace(child->index, child->how());
            return next;
        }

    private:
        detail::completion_wait wait_;
        detail::completion_queue<T>& queue_;
    };
    class next_operation {
    public:
        explicit next_operation(detail::completion_queue<T>& queue) noexcept : queue_(queue) {}
        next_awaiter await_in(task_context& context) const noexcept { return next_awaiter(queue_, context); }

    private:
        detail::completion_queue<T>& queue_;
    };

    // Waits for the next task to end. Yields std::optional<completed<T>>: empty after the last one.
    // Cancellation: throws operation_cancelled, unless one has ended at the same moment; none is lost to it.
    [[nodiscard]] next_operation next() noexcept { return next_operation(queue_); }

    // Tasks whose outcome has not been taken.
    std::size_t remaining() const noexcept { return queue_.remaining(); }

    // For as_completed: waits for the tasks that run, after `cancel`.
    detail::completion_queue<T>& queue() noexcept { return queue_; }

private:
    detail::completion_queue<T> queue_;
};

namespace detail {

template <class T, class Body>
using completion_result_t = await_result_t<std::invoke_result_t<Body&, completions<T>&>>;

} // namespace detail

// Runs `body(completions<T>&)` beside `tasks` and returns its result.
template <class T, class Body>
    requires std::is_invocable_v<Body&, completions<T>&>
task<detail::completion_result_t<T, Body>> as_completed(std::vector<task<T>> tasks, std::size_t limit,
                                                        Body body) {
    using result = detail::completion_result_t<T, Body>;
    completions<T> results(tasks, limit);
    std::optional<outcome<result>> how;
    try {
        results.queue().begin_more();
        if constexpr (std::is_void_v<result>) {
            co_await std::invoke(body, results);
            how.emplace(std::monostate());
        } else {
            how.emplace(co_await std::invoke(body, results));
        }
    } catch (...) {
        how.emplace(std::current_exception());
    }
    results.queue().cancel();
    co_await results.queue().drained();
    if constexpr (std::is_void_v<result>)
        static_cast<void>(how->value());
    else if constexpr (std::is_reference_v<result>)
        co_return how->value().get();
    else
        co_return std::move(how->value());
}

} // namespace tandem
