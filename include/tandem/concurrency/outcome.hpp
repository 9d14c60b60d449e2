// outcome<T>: how a task ended: with a value, or with an exception.
#pragma once

#include <tandem/core/error.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

namespace tandem {

// A type that can be stored where a task's result may be void (std::monostate) or a reference
// (std::reference_wrapper).
template <class T>
struct non_void {
    using type = T;
};
template <class T>
struct non_void<T&> {
    using type = std::reference_wrapper<T>;
};
template <>
struct non_void<void> {
    using type = std::monostate;
};
template <class T>
using non_void_t = typename non_void<T>::type;

template <class T>
class [[nodiscard]] outcome {
public:
    using value_type = non_void_t<T>;

    explicit outcome(value_type value) : value_(std::move(value)) {}
    explicit outcome(std::exception_ptr failure) noexcept : failure_(std::move(failure)) {}

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    // The value; rethrows the exception when there is none.
    value_type& value() & {
        if (failure_) std::rethrow_exception(failure_);
        return *value_;
    }
    const value_type& value() const& {
        if (failure_) std::rethrow_exception(failure_);
        return *value_;
    }
    value_type&& value() && { return std::move(value()); }
    value_type& operator*() & noexcept { return *value_; } // has_value() must be true
    const value_type& operator*() const& noexcept { return *value_; }
    value_type* operator->() noexcept { return &*value_; }
    const value_type* operator->() const noexcept { return &*value_; }

    const std::exception_ptr& failure() const noexcept { return failure_; }
    // True when it ended because it was cancelled (as the losers of a race are).
    bool cancelled() const noexcept { return is_cancellation(failure_); }

private:
    std::optional<value_type> value_;
    std::exception_ptr failure_;
};

namespace detail {

// The outcome of a child that has ended.
template <class T, class Child>
outcome<T> outcome_of(Child& child) {
    if (const std::exception_ptr failure = child.failure()) return outcome<T>(failure);
    if constexpr (std::is_void_v<T>) {
        child.result();
        return outcome<T>(std::monostate());
    } else {
        return outcome<T>(child.result());
    }
}

} // namespace detail
} // namespace tandem
