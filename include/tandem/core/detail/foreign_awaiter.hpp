// Adapts any awaiter with the standard interface: whichever thread completes it, the task goes on at home.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/frame_pool.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace tandem::detail {

// A one-shot coroutine handle: resuming it, on any thread, wakes a task on its home scheduler.
class waker {
public:
    class promise_type {
    public:
        waker get_return_object() noexcept {
            return waker(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }

        static void* operator new(std::size_t size) { return allocate_frame(size); }
        static void operator delete(void* frame, std::size_t size) noexcept { deallocate_frame(frame, size); }
    };

    waker() noexcept = default;
    waker(const waker&) = delete;
    waker& operator=(waker&& other) noexcept {
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    ~waker() {
        if (coroutine_) coroutine_.destroy();
    }
    std::coroutine_handle<> handle() const noexcept { return coroutine_; }

    static waker for_context(task_context& context) {
        // The context may be resumed, and this frame destroyed, on another thread as soon as `wake` has
        // queued it. The handle was resumed by somebody who then returns through this frame, so waking must
        // be the last thing that touches it: it happens in the awaiter below, when this coroutine is already
        // suspended for good.
        co_await wake_when_suspended(context);
    }

private:
    class wake_when_suspended {
    public:
        explicit wake_when_suspended(task_context& context) noexcept : context_(context) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept { context_.wake(); }
        void await_resume() const noexcept {}

    private:
        task_context& context_;
    };

    explicit waker(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
    std::coroutine_handle<promise_type> coroutine_;
};

template <class Awaiter> // a value, or an lvalue reference to the awaiter in the caller's expression
class foreign_awaiter {
public:
    foreign_awaiter(Awaiter&& inner, task_context& context)
        : inner_(static_cast<Awaiter&&>(inner)), context_(context) {}

    bool await_ready() { return inner_.await_ready(); }

    bool await_suspend(std::coroutine_handle<> at) {
        waker_ = waker::for_context(context_);
        context_.suspend(at, nullptr, "foreign awaiter");
        counted_.begin(context_.home()); // whoever completes it may be known to nobody
        using result = decltype(inner_.await_suspend(waker_.handle()));
        if constexpr (std::is_void_v<result>) {
            inner_.await_suspend(waker_.handle());
            return true;
        } else if constexpr (std::is_convertible_v<result, bool>) {
            if (inner_.await_suspend(waker_.handle())) return true;
            context_.do_not_suspend(at); // nobody wakes it
            return false;
        } else {
            inner_.await_suspend(waker_.handle()).resume();
            return true;
        }
    }

    decltype(auto) await_resume() {
        counted_.end();
        return inner_.await_resume();
    }

private:
    // A wait of a runtime's loop for the outside: a test's clock (tandem/testing.hpp) does not take it for a
    // deadlock.
    class outside_wait {
    public:
        outside_wait() noexcept = default;
        outside_wait(outside_wait&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)) {}
        outside_wait& operator=(outside_wait&&) = delete;
        ~outside_wait() { end(); }
        void begin(scheduler& home) noexcept {
            if (!home.owner()) return;
            loop_ = &home;
            home.operation_started();
        }
        void end() noexcept {
            if (scheduler* const loop = std::exchange(loop_, nullptr)) loop->operation_finished();
        }

    private:
        scheduler* loop_ = nullptr;
    };

    Awaiter inner_;
    task_context& context_;
    waker waker_;
    outside_wait counted_;
};

template <class Awaiter>
foreign_awaiter(Awaiter&&, task_context&) -> foreign_awaiter<Awaiter>;

} // namespace tandem::detail
