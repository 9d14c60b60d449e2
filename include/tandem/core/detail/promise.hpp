// The promise of task<T>: where its result is kept, and how one coroutine hands over to the next.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/await_traits.hpp>
#include <tandem/core/detail/frame_pool.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tandem {
template <class T>
class task;
}

namespace tandem::detail {

class promise_base {
public:
    promise_base() = default;
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;

    std::suspend_always initial_suspend() const noexcept { return {}; }

    // At its end a coroutine goes on in the one that awaits it; the outermost one finishes its context.
    class final_awaiter {
    public:
        final_awaiter() noexcept = default;
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            promise_base& promise = self.promise();
            if (promise.continuation_)
                promise.context_->transfer(promise.continuation_);
            else
                promise.context_->finish();
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }

    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    template <class A>
    auto await_transform(A&& awaitable) {
        static_assert(awaitable_in_task<A>,
                      "co_await in a tandem::task: this type is not awaitable (for Asio's "
                      "operations include <tandem/asio.hpp> and use asio::deferred)");
        return get_awaiter(std::forward<A>(awaitable), *context_);
    }

    void bind(task_context& context, std::coroutine_handle<> continuation) noexcept {
        context_ = &context;
        continuation_ = continuation;
    }

    std::exception_ptr failure() const noexcept { return failure_; }

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { deallocate_frame(frame, size); }

protected:
    void rethrow_failure() {
        if (failure_) std::rethrow_exception(std::move(failure_));
    }

private:
    task_context* context_ = nullptr;
    std::coroutine_handle<> continuation_;
    std::exception_ptr failure_;
};

template <class T>
class task_promise : public promise_base {
public:
    task_promise() noexcept {}
    ~task_promise() {
        if (has_value_) value().~T();
    }

    task<T> get_return_object() noexcept;

    template <class U = T>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& result) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
        ::new (static_cast<void*>(storage_)) T(std::forward<U>(result));
        has_value_ = true;
    }

    T take() {
        rethrow_failure();
        return std::move(value());
    }

private:
    T& value() noexcept { return *std::launder(reinterpret_cast<T*>(storage_)); }

    alignas(T) unsigned char storage_[sizeof(T)];
    bool has_value_ = false;
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
