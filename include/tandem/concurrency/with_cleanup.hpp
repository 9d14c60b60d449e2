// with_cleanup: asynchronous cleaning up that always happens.
//
//     auto receipt = co_await with_cleanup(transfer(session, order), [&] { return session.log_out(); });
//
// Runs the body, then the cleanup: after a value, an exception or a cancellation alike. The cleanup is
// shielded from the cancellation and from the deadlines around it, and bounded by a `limit` of its own
// (default 5 s): when that is over it is cancelled and waited for. Then the body's result is handed over, or
// its exception rethrown.
//
// When the cleanup fails, or is late (timeout_error): after a body that succeeded its exception is thrown;
// after a body that failed the body's exception goes first, and the cleanup's is given to the handler below.
//
// Body and cleanup are awaitables, or callables without arguments that give one. What the body was made of
// (its arguments and captures) still exists during the cleanup. Nothing is run when the with_cleanup itself
// is destroyed without being awaited. A cleanup is run once for each body that was begun, and a body that is
// begun in a cancelled task reports that at its first operation.
#pragma once

#include <tandem/concurrency/outcome.hpp>
#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace tandem {

// Told when a cleanup fails after its body has failed. Default: prints both to stderr. One for the process,
// as std::set_terminate; called on the loop where it happens. Thread-safe. Returns the one before; nullptr
// stands for the default.
using cleanup_failure_handler = void (*)(const std::exception_ptr& cleanup,
                                         const std::exception_ptr& body) noexcept;
cleanup_failure_handler set_cleanup_failure_handler(cleanup_failure_handler handler) noexcept;

namespace detail {

void report_cleanup_failure(const std::exception_ptr& cleanup, const std::exception_ptr& body) noexcept;

template <class W>
auto work_of(W work) {
    if constexpr (awaitable_in_task<W>)
        return as_task(std::move(work));
    else
        return tandem::invoke(std::move(work));
}
template <class W>
concept startable = awaitable_in_task<W> || invocable_task<W>;

template <class W>
using work_result_t = typename decltype(work_of(std::declval<W>()))::value_type;

// Runs `t` and tells how it ended. It is not destroyed: the cleanup may use what the body was made of.
// Nothing is thrown, not even where moving the value throws, once the body was begun.
template <class T>
task<> settle(task<T>& t, std::optional<outcome<T>>& how) {
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(t);
            how.emplace(std::monostate());
        } else {
            how.emplace(co_await std::move(t));
        }
    } catch (...) {
        how.emplace(std::current_exception());
    }
}

template <class T, class Cleanup>
task<T> run_with_cleanup(task<T> body, Cleanup cleanup, std::chrono::nanoseconds limit) {
    std::optional<outcome<T>> how;
    // Its memory is there before the body begins, which may use up what there is.
    auto closing = run_within(limit, work_of(std::move(cleanup)));
    co_await settle(body, how);
    outcome<T>& result = *how;
    std::exception_ptr failure;
    try {
        static_cast<void>(co_await shield(std::move(closing)));
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        if (!result.failure()) std::rethrow_exception(failure);
        report_cleanup_failure(failure, result.failure());
    }
    if constexpr (std::is_void_v<T>)
        static_cast<void>(result.value());
    else if constexpr (std::is_reference_v<T>)
        co_return result.value().get();
    else
        co_return std::move(result).value();
}

} // namespace detail

template <detail::startable Body, detail::startable Cleanup>
task<detail::work_result_t<Body>> with_cleanup(Body body, Cleanup cleanup,
                                               time_span limit = std::chrono::seconds(5)) {
    return detail::run_with_cleanup(detail::work_of(std::move(body)), std::move(cleanup), limit);
}

} // namespace tandem
