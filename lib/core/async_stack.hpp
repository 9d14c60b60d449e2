// The chain of coroutines of a task as text: functions and the places of their `co_await`s.
#pragma once

#include <tandem/core/context.hpp>

#include <coroutine>
#include <cstddef>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::detail {

// A function's name as people write it. Compilers put what they know of a coroutine into
// source_location::function_name: gcc `void foo(foo(int)::_Z3fooi.Frame*)`, clang `task<> foo(int)`. Both
// become `foo(int)`; what is not understood stays as it is.
std::string tidy_function_name(std::string_view raw);

// "foo(int) at dir/file.cpp:12"; "" for a location that says nothing.
std::string place_text(const std::source_location& where);

// From `innermost`, a coroutine of a task that has begun, to the outermost; at most `most`. Only on the
// thread where the chain is suspended or runs. Async-signal-safe.
std::size_t async_stack(std::coroutine_handle<> innermost, std::source_location* frames,
                        std::size_t most) noexcept;

// The same as text, a line for each frame: "    in foo(int) at ...".
std::string async_stack_text(const task_context& context);

} // namespace tandem::detail
