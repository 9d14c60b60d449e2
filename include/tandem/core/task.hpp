// task<T>: a lazy coroutine that yields one T (or an exception).
//
//     tandem::task<std::size_t> count(tandem::channel<std::string>& lines) {
//         std::size_t n = 0;
//         while (co_await lines.receive()) ++n;
//         co_return n;
//     }
//
// A task does nothing until it is awaited (or given to `run`, a task group, a combinator), and it is awaited
// once: `co_await std::move(t)` or `co_await count(lines)`. Its result is then moved out. Destroying a task
// that was not started destroys its arguments and nothing else. Awaiting one a second time, or an empty one,
// throws std::logic_error; a combinator that was given one reports that as the failure of this child.
//
// Inside a task, `co_await` takes: a task, every operation of this library, any type with the standard
// awaiter interface (`await_ready`, `await_suspend`, `await_resume`, or `operator co_await`), and with
// `tandem/asio.hpp` any Asio operation and `asio::awaitable`. Whatever thread completes it, the task goes on
// on its home scheduler.
//
// Cancellation: a cancelled task is told through the operation it waits in, which throws
// `operation_cancelled`; so does every later one (level-triggered). Awaiting a child task is not an operation
// by itself: the child sees the same cancellation. A foreign awaiter cannot be interrupted; the next
// operation of the library reports it.
//
// A coroutine's reference parameters must outlive it, as with every coroutine: prefer values.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/await_traits.hpp>
#include <tandem/core/detail/opaque.hpp>
#include <tandem/core/detail/promise.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {
template <class T>
class task_awaiter;

// For a task that cannot be awaited: throws std::logic_error, which says why. `empty`: it has no coroutine.
[[noreturn]] void throw_not_awaitable(bool empty);

// What takes the place of such a task where it is given to somebody who awaits it later.
template <class T>
task<T> not_awaitable(bool empty);
} // namespace detail

template <class T = void>
class [[nodiscard("a task does nothing until it is awaited")]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;

    task() noexcept = default;
    task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            if (coroutine_) coroutine_.destroy();
            coroutine_ = std::exchange(other.coroutine_, nullptr);
        }
        return *this;
    }
    ~task() {
        if (coroutine_) coroutine_.destroy();
    }

    // False for a default-constructed or moved-from task.
    explicit operator bool() const noexcept { return static_cast<bool>(coroutine_); }

    // Used by `co_await` in another task. Throws std::logic_error when the task is empty or was awaited
    // before.
    detail::task_awaiter<T> await_in(task_context&) && {
        // gcc would read a task that has just been made in its caller's frame together with what stands
        // before it, written by another instruction: the processor waits until both have left its store
        // buffer, 10 ns for each `co_await` of a task.
        const auto coroutine = detail::opaque(this)->coroutine_;
        if (!coroutine || coroutine.promise().context()) [[unlikely]]
            detail::throw_not_awaitable(!coroutine);
        return detail::task_awaiter<T>(coroutine);
    }

    // For combinators: binds the task to a context of its own and gives the handle to start. `take_result` is
    // valid once the context has finished. A task that cannot be awaited becomes one that throws.
    std::coroutine_handle<> bind(task_context& context) noexcept {
        if (!coroutine_ || coroutine_.promise().context()) [[unlikely]]
            replace_not_awaitable();
        coroutine_.promise().bind(context, nullptr);
        return coroutine_;
    }
    T take_result() { return coroutine_.promise().take(); }
    std::exception_ptr failure() const noexcept { return coroutine_.promise().failure(); }
    bool completed() const noexcept { return coroutine_ && coroutine_.done(); }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

    // One that is under way is not destroyed: whoever awaits it goes on in it.
    void replace_not_awaitable() {
        task other = detail::not_awaitable<T>(!coroutine_);
        if (coroutine_ && !coroutine_.done()) coroutine_ = nullptr;
        std::swap(coroutine_, other.coroutine_);
    }

    std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

// Awaiting a child: no allocation, no scheduling; about 10 ns.
template <class T>
class task_awaiter {
public:
    explicit task_awaiter(std::coroutine_handle<task_promise<T>> child) noexcept : child_(child) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        child_.promise().bind(*caller.promise().context(), caller);
        return !pump::call(child_, caller);
    }
    T await_resume() { return child_.promise().take(); }

private:
    std::coroutine_handle<task_promise<T>> child_;
};

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}

template <class T>
task<T&> task_promise<T&>::get_return_object() noexcept {
    return task<T&>(std::coroutine_handle<task_promise>::from_promise(*this));
}

inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

template <class T>
[[noreturn]] T no_result(bool empty) {
    throw_not_awaitable(empty);
}

template <class T>
task<T> not_awaitable(bool empty) {
    co_return no_result<T>(empty);
}

} // namespace detail

// What `co_await std::declval<A>()` yields inside a task.
template <class A>
using await_result_t =
    decltype(detail::get_awaiter(std::declval<A>(), std::declval<task_context&>()).await_resume());

template <class T>
struct is_task : std::false_type {};
template <class T>
struct is_task<task<T>> : std::true_type {};

// Any awaitable as a task.
template <class A>
task<await_result_t<A>> as_task(A awaitable) {
    co_return co_await std::move(awaitable);
}
template <class T>
task<T> as_task(task<T> t) noexcept {
    return t;
}

} // namespace tandem
