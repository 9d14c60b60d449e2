// A task of `f(args...)` that owns the callable and its arguments.
#pragma once

#include <tandem/core/task.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace tandem {

template <class F, class... Args>
using invoke_awaited_t = await_result_t<std::invoke_result_t<F&, Args...>>;

// Copies (moves) `f` and `args` into the new task's own frame, so a capturing lambda cannot dangle. As with
// std::thread, `f` gets the arguments as rvalues; use std::ref to pass a reference. `f` may return a task or
// any awaitable.
template <class F, class... Args>
task<invoke_awaited_t<F, Args...>> invoke(F f, Args... args) {
    co_return co_await std::invoke(f, std::move(args)...);
}

// What `f(args...)` yields when it is awaited, for a callable that can be given to `spawn`, `run` and their
// kin.
template <class F, class... Args>
concept invocable_task =
    std::is_invocable_v<F&, Args...> && requires { typename invoke_awaited_t<F, Args...>; };

} // namespace tandem
