// The errors that every floor shares.
//
// Failures are `boost::system::error_code`s, thrown as exceptions derived from `boost::system::system_error`.
// Two of them have types of their own, because they must never be confused: the caller went away
// (`operation_cancelled`) or the time was up (`timeout_error`).
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <string>

namespace tandem {

using boost::system::error_code;
using boost::system::system_error;

// Thrown by an awaited operation when its task was cancelled. Its code equals
// `asio::error::operation_aborted`. Cancellation is level-triggered: a task that swallows this exception gets
// it again at its next suspension.
class operation_cancelled : public system_error {
public:
    operation_cancelled();
    explicit operation_cancelled(const std::string& what_was_cancelled);
};

// Thrown by `with_timeout` when the time was up before its child completed. Code: `errc::timed_out`.
class timeout_error : public system_error {
public:
    explicit timeout_error(std::chrono::nanoseconds limit);
    explicit timeout_error(const std::string& what_timed_out);
};

// True when `error` holds an `operation_cancelled`. Costs a rethrow (microseconds): for slow paths only.
bool is_cancellation(const std::exception_ptr& error) noexcept;

// "type: message" of an exception, for logs. Never throws; unknown types give their name only.
std::string describe(const std::exception_ptr& error) noexcept;

} // namespace tandem
