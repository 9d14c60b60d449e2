// The promise of task<T>: where its result is kept, and how one coroutine hands over to the next.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/await_traits.hpp>
#include <tandem/core/detail/frame_pool.hpp>

#include <bit>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

namespace tandem {
template <class T>
class task;
}

namespace tandem::detail {

// A place in the source, as the compiler gives it: what a std::source_location holds. As a default argument
// of a `co_await`, gcc keeps a std::source_location itself in the frame: one more store each time.
using source_place = decltype(__builtin_source_location());

class promise_base {
public:
    promise_base() = default;
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;
    // Told apart before the member's own destructor, which the compiler then leaves out on the usual way.
    ~promise_base() {
        if (failure_) [[unlikely]]
            failure_ = nullptr;
    }

    // The defaulted locations are those of the coroutine itself, and of its `co_await`: from them the chain
    // of callers is shown (tandem/observe/).
    std::suspend_always initial_suspend(source_place here = __builtin_source_location()) noexcept {
        set_place(here);
        return {};
    }

    // At its end a coroutine goes on in the one that awaits it; the outermost one finishes its context.
    class final_awaiter {
    public:
        final_awaiter() noexcept = default;
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            promise_base& promise = self.promise();
            if (promise.caller_)
                task_context::transfer(promise.caller_);
            else
                promise.context_->finish();
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }

    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    template <class A>
    auto await_transform(A&& awaitable, source_place here = __builtin_source_location()) {
        static_assert(awaitable_in_task<A>,
                      "co_await in a tandem::task: this type is not awaitable (for Asio's "
                      "operations include <tandem/asio.hpp> and use asio::deferred)");
        set_place(here);
        return get_awaiter(std::forward<A>(awaitable), *context_);
    }

    // `caller`: the coroutine to go on in afterwards, or null for the outermost one of a chain. Like all
    // coroutines of a chain it is one of the library's: `of` gives its promise.
    void bind(task_context& context, std::coroutine_handle<> caller) noexcept {
        context_ = &context;
        caller_ = caller;
    }

    // All promises of the library keep to the alignment of a frame, so that each can be reached through its
    // base: see task_promise.
    std::coroutine_handle<> handle() noexcept {
        return std::coroutine_handle<promise_base>::from_promise(*this);
    }
    static promise_base& of(std::coroutine_handle<> coroutine) noexcept {
        return std::coroutine_handle<promise_base>::from_address(coroutine.address()).promise();
    }

    std::coroutine_handle<> caller() const noexcept { return caller_; }
    task_context* context() const noexcept { return context_; }

    // Where this coroutine begins, or the `co_await` that it reached last.
    std::source_location location() const noexcept {
#ifndef TANDEM_NO_TASK_REGISTRY
        return std::bit_cast<std::source_location>(place_);
#else
        return {};
#endif
    }

    const std::exception_ptr& failure() const noexcept { return failure_; }

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { deallocate_frame(frame, size); }

protected:
    void rethrow_failure() {
        if (failure_) std::rethrow_exception(std::move(failure_));
    }

    void set_place([[maybe_unused]] source_place here) noexcept {
#ifndef TANDEM_NO_TASK_REGISTRY
        place_ = here;
#endif
    }

private:
    task_context* context_ = nullptr;
    std::coroutine_handle<> caller_;
    std::exception_ptr failure_;
#ifndef TANDEM_NO_TASK_REGISTRY
    source_place place_; // set by initial_suspend
#endif
};

template <class T>
class task_promise : public promise_base {
public:
    task_promise() noexcept {}
    ~task_promise() {
        if constexpr (!std::is_trivially_destructible_v<T>)
            if (has_value_) value().~T();
    }

    task<T> get_return_object() noexcept;

    template <class U = T>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& result) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
        ::new (place()) T(std::forward<U>(result));
        if constexpr (!std::is_trivially_destructible_v<T>) has_value_ = true;
    }

    T take() {
        rethrow_failure();
        return std::move(value());
    }

private:
    // A frame is aligned as `new` aligns it, whatever its promise asks for: a T that wants more finds its
    // place in a larger storage.
    static constexpr std::size_t frame_alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
    static constexpr std::size_t slack = alignof(T) > frame_alignment ? alignof(T) - frame_alignment : 0;

    void* place() noexcept {
        if constexpr (slack == 0) {
            return storage_;
        } else {
            void* start = storage_;
            std::size_t room = sizeof(storage_);
            return std::align(alignof(T), sizeof(T), start, room);
        }
    }
    T& value() noexcept { return *std::launder(static_cast<T*>(place())); }

    alignas(slack == 0 ? alignof(T) : frame_alignment) unsigned char storage_[sizeof(T) + slack];
    // Whether there is something to destroy.
    [[no_unique_address]] std::conditional_t<std::is_trivially_destructible_v<T>, std::false_type, bool>
        has_value_{};
};

template <class T>
class task_promise<T&> : public promise_base {
public:
    task<T&> get_return_object() noexcept;
    void return_value(T& result) noexcept { value_ = std::addressof(result); }
    T& take() {
        rethrow_failure();
        return *value_;
    }

private:
    T* value_ = nullptr;
};

template <>
class task_promise<void> : public promise_base {
public:
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() { rethrow_failure(); }
};

} // namespace tandem::detail
