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
#include <stdexcept>
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

    // The message as it was given: the code's own text would add nothing but confusion.
    const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_; // a string that is copied without throwing
};

// Thrown by `with_timeout` and its kin when the time was up before the child completed. Code:
// `errc::timed_out`. The message tells the limit and what the child waited for.
class timeout_error : public system_error {
public:
    // `operation`: a literal such as "channel.receive", or nullptr when it is not known.
    explicit timeout_error(std::chrono::nanoseconds limit, const char* operation = nullptr);
    // A message of the caller's.
    explicit timeout_error(const std::string& what_timed_out,
                           std::chrono::nanoseconds limit = std::chrono::nanoseconds::zero(),
                           const char* operation = nullptr);

    std::chrono::nanoseconds limit() const noexcept { return limit_; } // zero when not known
    // What the child waited for when the time was up; "" when not known.
    const char* operation() const noexcept { return operation_ ? operation_ : ""; }

    const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_;
    std::chrono::nanoseconds limit_;
    const char* operation_;
};

// True when `error` holds an `operation_cancelled`. Costs a rethrow (microseconds): for slow paths only.
bool is_cancellation(const std::exception_ptr& error) noexcept;

// "type: message" of an exception, for logs. Never throws; unknown types give their name only.
std::string describe(const std::exception_ptr& error) noexcept;

} // namespace tandem
