// async_generator<T>: a coroutine that yields items, each computed when it is asked for.
//
//     async_generator<std::string> lines(stream in) {
//         while (auto line = co_await in.read_line())         // awaits whatever a task may await
//             co_yield std::move(*line);
//     }
//     auto source = lines(std::move(in));
//     while (auto line = co_await source.next()) print(*line);
//
// `next()` gives std::optional<T>; for a generator of references, async_generator<T&>, a pointer. Empty means
// that the generator has ended, and so does every later call. An exception that leaves the generator is
// thrown by `next()`, once; then it has ended. No allocation for an item.
//
// It runs inside its consumer, one step for each `next()`: on the consumer's loop, under its cancellation,
// deadline and task_local values, and shows up in its async stack. The consumer may be another task at each
// step (with_timeout makes it one), but only one at a time (std::logic_error). So what belongs to the task
// that made it must not be held across a `co_yield`: no task_group is open there.
//
// Cancellation: a `next()` that is begun by a cancelled task throws operation_cancelled and leaves the
// generator as it is. One in progress is told through what the generator awaits; when operation_cancelled
// leaves the generator, it has ended. Put a buffered `channel` between where a producer shall run ahead.
//
// Destroying an unfinished generator destroys its frame at the `co_yield` where it stands: destructors run,
// nothing can be awaited there. Where leaving early needs that, the consumer does it, by `with_cleanup`.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/promise.hpp>
#include <tandem/core/error.hpp>

#include <concepts>
#include <coroutine>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {
template <class T>
class generator_promise;
template <class T>
class next_awaiter;
template <class T>
class next_operation;
} // namespace detail

template <class T>
class [[nodiscard]] async_generator {
public:
    using promise_type = detail::generator_promise<T>;
    using item_type =
        std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, std::optional<T>>;

    async_generator() noexcept = default; // has ended
    async_generator(async_generator&& other) noexcept
        : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    async_generator& operator=(async_generator&& other) noexcept {
        if (this != &other) {
            if (coroutine_) coroutine_.destroy();
            coroutine_ = std::exchange(other.coroutine_, nullptr);
        }
        return *this;
    }
    // Not while a `next()` is in progress.
    ~async_generator() {
        if (coroutine_) coroutine_.destroy();
    }

    // The next item; see the top of this file. The generator must not be moved or destroyed meanwhile.
    [[nodiscard]] detail::next_operation<T> next() noexcept { return detail::next_operation<T>(coroutine_); }

private:
    friend promise_type;
    explicit async_generator(std::coroutine_handle<promise_type> coroutine) noexcept
        : coroutine_(coroutine) {}

    std::coroutine_handle<promise_type> coroutine_;
};

// Implementation

namespace detail {

// The item goes straight from `co_yield` into the awaiter of `next()`.
template <class T>
class generator_promise : public promise_base {
public:
    using item_type = typename async_generator<T>::item_type;

    async_generator<T> get_return_object() noexcept {
        return async_generator<T>(std::coroutine_handle<generator_promise>::from_promise(*this));
    }

    // Back to the consumer; the frame stays at its `co_yield`.
    class yield_awaiter {
    public:
        explicit yield_awaiter(promise_base& promise) noexcept : promise_(promise) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept {
            task_context::transfer(promise_.caller());
        }
        void await_resume() const noexcept {}

    private:
        promise_base& promise_;
    };

    template <class U = T>
        requires(!std::is_reference_v<T> && std::is_constructible_v<T, U &&>)
    yield_awaiter yield_value(U&& item) {
        place_->emplace(std::forward<U>(item));
        return yield_awaiter(*this);
    }
    template <class U>
        requires(std::is_reference_v<T> && std::convertible_to<U*, std::remove_reference_t<T>*>)
    yield_awaiter yield_value(U& item) noexcept {
        *place_ = std::addressof(item);
        return yield_awaiter(*this);
    }
    void return_void() const noexcept {}

    bool busy() const noexcept { return place_ != nullptr; }
    void step_begins(task_context& context, std::coroutine_handle<> caller, item_type& place) noexcept {
        bind(context, caller);
        place_ = &place;
    }
    void step_ends() {
        place_ = nullptr;
        rethrow_failure();
    }

private:
    item_type* place_ = nullptr; // during a step
};

template <class T>
class next_awaiter {
public:
    using item_type = typename async_generator<T>::item_type;

    next_awaiter(std::coroutine_handle<generator_promise<T>> generator, task_context& context) noexcept
        : generator_(generator), context_(context) {}
    next_awaiter(const next_awaiter&) = delete;
    next_awaiter& operator=(const next_awaiter&) = delete;

    bool await_ready() {
        if (!generator_ || generator_.done()) return true;
        if (generator_.promise().busy())
            throw std::logic_error("async_generator: next() while another next() is in progress");
        cancelled_ = context_.cancelled();
        return cancelled_ && context_.spend();
    }
    bool await_suspend(std::coroutine_handle<> consumer) noexcept {
        if (cancelled_) { // and the budget is spent
            context_.requeue(consumer);
            return true;
        }
        stepping_ = true;
        generator_.promise().step_begins(context_, consumer, item_);
        return !pump::call(generator_, consumer);
    }
    item_type await_resume() {
        if (cancelled_) throw operation_cancelled("a generator's next() was cancelled");
        if (stepping_) generator_.promise().step_ends();
        return std::move(item_);
    }

private:
    std::coroutine_handle<generator_promise<T>> generator_;
    task_context& context_;
    item_type item_{};
    bool cancelled_ = false;
    bool stepping_ = false;
};

template <class T>
class next_operation {
public:
    explicit next_operation(std::coroutine_handle<generator_promise<T>> generator) noexcept
        : generator_(generator) {}
    next_awaiter<T> await_in(task_context& context) const noexcept {
        return next_awaiter<T>(generator_, context);
    }

private:
    std::coroutine_handle<generator_promise<T>> generator_;
};

} // namespace detail
} // namespace tandem
