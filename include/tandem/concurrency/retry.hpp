// retry: call something that may fail until it succeeds, with growing pauses between.
//
//     auto page = co_await retry(retry_policy().attempts(5).initial_delay(100ms).budget(30s), fetch, url);
//
// The pause before attempt n + 1 is random, uniform in [0, min(max_delay, initial_delay * 2^(n - 1))]:
// exponential backoff with full jitter (concurrency/backoff.hpp), so that many clients that failed together
// do not come back together.
//
// `f(args...)` is called anew for each attempt, with fresh copies of the arguments. When the attempts or the
// budget are spent, or the predicate says no, the last exception is rethrown. Its type stays; where it is
// exactly a std::runtime_error, a system_error or a timeout_error, its message tells how many attempts were
// made. Cancellation ends it at once, in an attempt as in a pause; the predicate is not asked.
#pragma once

#include <tandem/concurrency/backoff.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tandem {

class retry_policy {
public:
    using duration = std::chrono::nanoseconds;
    // Whether this failure is worth another attempt.
    using predicate = std::function<bool(const std::exception_ptr&)>;
    // Told before each pause: the number of the attempt that failed (from 1), why, and how long the pause is.
    using observer = std::function<void(std::size_t attempt, const std::exception_ptr&, duration pause)>;
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

    retry_policy() noexcept {}

    // Calls in all, the first one included. Default 3; 0 counts as 1.
    retry_policy& attempts(std::size_t n) noexcept {
        attempts_ = n ? n : 1;
        return *this;
    }
    // Bounds of the pauses. Defaults 100 ms and 10 s; less than 0 counts as 0.
    retry_policy& initial_delay(time_span d) noexcept {
        initial_delay_ = d;
        return *this;
    }
    retry_policy& max_delay(time_span d) noexcept {
        max_delay_ = d;
        return *this;
    }
    // Time for everything, attempts and pauses. Default: no limit. A pause that would outlast it is not
    // begun; an attempt that runs at its end is cut short (timeout_error).
    retry_policy& budget(time_span d) noexcept {
        budget_ = d;
        return *this;
    }
    // Time for each attempt. Default: no limit. One that is late has failed with timeout_error.
    retry_policy& attempt_timeout(time_span d) noexcept {
        attempt_timeout_ = d;
        return *this;
    }
    // Default: every failure but operation_cancelled. What the predicate throws leaves `retry`.
    retry_policy& when(predicate worth_it) {
        when_ = std::move(worth_it);
        return *this;
    }
    retry_policy& on_retry(observer told) {
        on_retry_ = std::move(told);
        return *this;
    }
    // Makes the pauses the same in each run. Default: a seed of the system's.
    retry_policy& seed(std::uint64_t s) noexcept {
        seed_ = s;
        return *this;
    }

    std::size_t attempts() const noexcept { return attempts_; }
    duration initial_delay() const noexcept { return initial_delay_; }
    duration max_delay() const noexcept { return max_delay_; }
    const std::optional<duration>& budget() const noexcept { return budget_; }
    const std::optional<duration>& attempt_timeout() const noexcept { return attempt_timeout_; }
    const predicate& when() const noexcept { return when_; }
    const observer& on_retry() const noexcept { return on_retry_; }
    const std::optional<std::uint64_t>& seed() const noexcept { return seed_; }

private:
    std::size_t attempts_ = 3;
    duration initial_delay_ = std::chrono::milliseconds(100);
    duration max_delay_ = std::chrono::seconds(10);
    std::optional<duration> budget_;
    std::optional<duration> attempt_timeout_;
    predicate when_;
    observer on_retry_;
    std::optional<std::uint64_t> seed_;
};

namespace detail {

// What `retry` decides; it knows nothing of the work. Made inside the running task.
class retry_state {
public:
    explicit retry_state(retry_policy policy);

    // For the attempt that begins now; max() for no limit.
    scheduler::clock::time_point attempt_deadline() const noexcept;

    // Attempt `attempt_` has failed: the pause before the next one, or throws `failure`.
    std::chrono::nanoseconds pause_after(const std::exception_ptr& failure);
    // After the pause, which may have been longer than it should: throws `failure` when no time is left.
    void begin_next(const std::exception_ptr& failure);

private:
    retry_policy policy_;
    task_context& context_;
    scheduler::clock::time_point end_;
    backoff pauses_;
    std::size_t attempt_ = 1;
};

template <class F, class... Args>
task<invoke_awaited_t<F, Args...>> retry_calls(retry_policy policy, F f, Args... args) {
    retry_state state(std::move(policy));
    for (;;) {
        std::exception_ptr failure;
        try {
            // Fresh copies, which live as long as the attempt: `f` may take them by reference.
            std::tuple<Args...> copies{std::as_const(args)...};
            auto attempt = as_task(std::apply(
                [&f](Args&... each) -> decltype(auto) { return std::invoke(f, std::move(each)...); },
                copies));
            const auto deadline = state.attempt_deadline();
            if (deadline == scheduler::clock::time_point::max())
                co_return co_await std::move(attempt);
            else
                co_return co_await run_until(deadline, std::move(attempt));
        } catch (...) {
            failure = std::current_exception();
        }
        const std::chrono::nanoseconds pause = state.pause_after(failure);
        co_await sleep_for(pause);
        state.begin_next(failure);
    }
}

} // namespace detail

template <class F, class... Args>
    requires(invocable_task<F, Args...> && (std::is_copy_constructible_v<Args> && ...))
task<invoke_awaited_t<F, Args...>> retry(retry_policy policy, F f, Args... args) {
    return detail::retry_calls(std::move(policy), std::move(f), std::move(args)...);
}

// With the default policy.
template <class F, class... Args>
    requires(!std::is_same_v<F, retry_policy> && invocable_task<F, Args...> &&
             (std::is_copy_constructible_v<Args> && ...))
task<invoke_awaited_t<F, Args...>> retry(F f, Args... args) {
    return detail::retry_calls(retry_policy(), std::move(f), std::move(args)...);
}

} // namespace tandem
