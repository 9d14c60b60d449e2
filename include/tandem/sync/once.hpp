// once: does something exactly once, however many ask for it.
//
//     once connected;
//     co_await connected.call(connect, std::ref(pool));   // the first runs connect(pool); all go on after it
//
// As std::call_once, for tasks: the function may be a coroutine, and those that come while it runs wait for
// it. When it throws, or its caller is cancelled while it runs, it has not been done: the exception goes to
// that caller, and the next one in line tries.
//
// Thread-safe; a plain thread uses `block_on(connected.call(f))`. It must outlive its calls. Not from inside
// the function itself: that would wait for itself. No allocation but the call's frame, which is recycled.
#pragma once

#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>
#include <tandem/sync/mutex.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace tandem {

class once {
public:
    once() noexcept {}
    once(const once&) = delete;
    once& operator=(const once&) = delete;

    // Returns when `f(args...)` has completed once, in this call or in another; its result is dropped. `f`
    // returns an awaitable, which is awaited, or anything else. Cancellation: a caller that waits leaves the
    // queue and throws operation_cancelled; for the one that runs `f` see above.
    template <class F, class... Args>
        requires std::is_invocable_v<F&, Args...>
    [[nodiscard]] task<> call(F f, Args... args) {
        if (done()) co_return;
        const mutex_guard turn = co_await mutex_.lock();
        if (done()) co_return;
        if constexpr (invocable_task<F, Args...>)
            static_cast<void>(co_await std::invoke(f, std::move(args)...));
        else
            static_cast<void>(std::invoke(f, std::move(args)...));
        // Release, paired with the acquire of `done`: what `f` wrote is seen by those who only look at the
        // flag.
        done_.store(true, std::memory_order_release);
    }

    bool done() const noexcept { return done_.load(std::memory_order_acquire); }

private:
    detail::atomic<bool> done_{false};
    mutex mutex_; // held by the one that runs the function
};

} // namespace tandem
