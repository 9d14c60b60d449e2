// result<T>: a T, or the http::error that kept it from coming. What the `try_` forms give.
#pragma once

#include <tandem/http/error.hpp>

#include <utility>
#include <variant>

namespace tandem::http {

template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(http::error why) : state_(std::in_place_index<1>, std::move(why)) {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value; throws request_error when there is none.
    T& value() & {
        require();
        return *std::get_if<0>(&state_);
    }
    const T& value() const& {
        require();
        return *std::get_if<0>(&state_);
    }
    T&& value() && { return std::move(value()); }

    // has_value() must be true.
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    /// has_value() must be false.
    [[nodiscard]] const http::error& error() const& noexcept { return *std::get_if<1>(&state_); }
    [[nodiscard]] http::error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

private:
    void require() const {
        if (!has_value()) throw request_error(error());
    }

    std::variant<T, http::error> state_;
};

} // namespace tandem::http
