// Helpers for tests of tasks. A `co_await` never stands inside CHECK or REQUIRE: gcc evaluates it more than
// once.
#pragma once

#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/core/task.hpp>
#include <tandem/testing/cancel_everywhere.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <utility>

namespace tests {

// A runtime of one loop and one worker.
inline tandem::runtime_options small() {
    return tandem::runtime_options().workers(1);
}

inline tandem::runtime_options loops(std::size_t n) {
    return tandem::runtime_options().loops(n).workers(2);
}

// Runs one task on a runtime of its own.
template <class T>
T run_on_loop(tandem::task<T> t) {
    tandem::runtime rt(small());
    return rt.run(std::move(t));
}
template <class F, class... Args>
    requires tandem::invocable_task<F, Args...>
auto run_on_loop(F f, Args... args) {
    return run_on_loop(tandem::invoke(std::move(f), std::move(args)...));
}

// Lets everything else that is ready run `n` times.
inline tandem::task<> turns(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await tandem::yield();
}

using tandem::test::ending;
using tandem::test::ending_of;

// Awaits `t`, drops its result and says how it ended.
template <class T>
tandem::task<ending> ends(tandem::task<T> t) {
    std::exception_ptr failure;
    try {
        static_cast<void>(co_await std::move(t));
    } catch (...) {
        failure = std::current_exception();
    }
    co_return ending_of(failure);
}

// The message of the exception that leaves `t`; "" when none does.
template <class T>
tandem::task<std::string> message_of(tandem::task<T> t) {
    std::string text;
    try {
        static_cast<void>(co_await std::move(t));
    } catch (const std::exception& e) {
        text = e.what();
    }
    co_return text;
}

} // namespace tests
