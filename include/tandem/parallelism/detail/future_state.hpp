// What a future and the pool share: a call and its outcome. Internal.
//
// Owned by two: the future, and the pool until it has passed the job by. The call is begun by whoever takes
// its phase from `queued`: a worker that gets the job, a worker that waits for the future, or a cancellation.
// So a call that was taken stays in the pool's queue as an empty shell, wherever it is.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/parallelism/detail/call.hpp>
#include <tandem/parallelism/detail/completion_flag.hpp>
#include <tandem/parallelism/detail/job_memory.hpp>
#include <tandem/parallelism/pool_job.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace tandem {
class thread_pool;
}

namespace tandem::detail {

class future_state_base : public pool_job, public in_job_memory {
public:
    enum class ending : std::uint8_t { none, value, failure, cancelled, dropped };

    completion_flag& ended() noexcept { return ended_; }
    bool done() const noexcept { return ended_.done(); }
    ending how() const noexcept { return how_; } // once it is done

    // For the future. True: it had not begun and never will. False: it has begun, and was asked to stop if it
    // can be asked, or it has ended.
    bool cancel() noexcept;

    // For a worker of its pool that waits: runs the call here, unless it has begun.
    bool run_if_queued() noexcept; // whether it did
    bool belongs_to(const thread_pool& pool) const noexcept { return &pool == &pool_; }

    // For a future that is about to go, after it has ended on a worker: that worker is done with it, too.
    void wait_until_passed_by() const noexcept;

    void release() noexcept {
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    // Throws what the call threw, operation_cancelled or pool_stopped, unless there is a value.
    void rethrow();

protected:
    explicit future_state_base(const thread_pool& pool) noexcept : pool_job(&act), pool_(pool) {}
    virtual ~future_state_base() = default;

private:
    virtual void call() = 0; // what it throws is the outcome
    virtual void destroy_call() noexcept = 0;
    virtual void request_stop() noexcept = 0;

    static void act(pool_job& job, bool dropped) noexcept;
    bool take() noexcept;
    void run() noexcept;
    void end(ending how) noexcept;

    const thread_pool& pool_; // may be gone when all is over: an address to compare with
    completion_flag ended_;
    atomic<int> owners_{2};
    atomic<bool> taken_{false};
    ending how_ = ending::none;
    std::exception_ptr failure_;
};

template <class R>
class future_state : public future_state_base {
public:
    using stored = std::conditional_t<
        std::is_void_v<R>, std::monostate,
        std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, std::remove_const_t<R>>>;

    // Once, after it has ended.
    R take_result() {
        rethrow();
        if constexpr (std::is_reference_v<R>)
            return static_cast<R>(**value_);
        else if constexpr (!std::is_void_v<R>)
            return std::move(*value_);
    }

protected:
    using future_state_base::future_state_base;
    std::optional<stored> value_;
};

// The pool's end of the token that calls get: requested when the pool stops. Only on a worker.
std::stop_token token_of_this_worker();

template <class R, class F, class... Args>
class future_call final : public future_state<R> {
public:
    template <class G, class... As>
    explicit future_call(const thread_pool& pool, G&& function, As&&... arguments)
        : future_state<R>(pool), stop_(stop_source_for<F, Args...>()),
          function_(std::in_place, std::forward<G>(function)),
          arguments_(std::in_place, std::forward<As>(arguments)...) {}

private:
    void call() override {
        if constexpr (takes_stop_token<F, Args...>) {
            const auto tell = [this] { stop_.request_stop(); };
            const std::stop_callback pool_stops(token_of_this_worker(), tell);
            call_it();
        } else {
            call_it();
        }
    }
    void call_it() {
        if constexpr (std::is_void_v<R>) {
            call_once(*function_, *arguments_, stop_);
            this->value_.emplace();
        } else if constexpr (std::is_reference_v<R>) {
            R result = call_once(*function_, *arguments_, stop_);
            this->value_.emplace(std::addressof(result));
        } else {
            this->value_.emplace(call_once(*function_, *arguments_, stop_));
        }
    }
    void destroy_call() noexcept override {
        arguments_.reset();
        function_.reset();
    }
    void request_stop() noexcept override {
        if (stop_.stop_possible()) stop_.request_stop();
    }

    std::stop_source stop_;
    std::optional<F> function_;
    std::optional<std::tuple<Args...>> arguments_;
};

// Waits: a plain thread blocks, a worker runs other work. Throws std::logic_error on the thread of a loop.
void wait_until_done(future_state_base& state);
void wait_until_done(completion_flag& flag);

// The same for a limited time, for which a worker blocks as well. False: the time is up.
bool wait_for_end(completion_flag& flag, std::chrono::nanoseconds limit);

// Blocks whatever thread this is.
void block_until_done(completion_flag& flag) noexcept;

// Throws std::logic_error where waiting would block a loop.
void require_waiting_allowed();

} // namespace tandem::detail
