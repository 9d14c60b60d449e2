#include <tandem/sync/rate_limiter.hpp>

#include <tandem/core/context.hpp>
#include <tandem/core/error.hpp>

#include <algorithm>
#include <coroutine>
#include <mutex>
#include <stdexcept>
#include <string>

namespace tandem {

namespace {

constexpr std::uint64_t most_units = std::uint64_t{1} << 62;

std::uint64_t at_least_one(std::uint64_t value, const char* what) {
    if (value == 0) throw std::invalid_argument(std::string("rate_limiter: ") + what + " must be at least 1");
    return value;
}

std::uint64_t nanoseconds_of(std::chrono::nanoseconds period) {
    if (period.count() <= 0) throw std::invalid_argument("rate_limiter: the period must be positive");
    return static_cast<std::uint64_t>(period.count());
}

std::uint64_t nanoseconds_between(scheduler::clock::time_point from, scheduler::clock::time_point to) {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(to - from).count());
}

class turn_awaiter : private timer_node, private cancel_hook {
public:
    turn_awaiter(task_context& context, scheduler::clock::time_point when) noexcept
        : timer_node(&turn_awaiter::expired), cancel_hook(&turn_awaiter::on_cancel), context_(context),
          when_(when) {}
    ~turn_awaiter() { context_.home().disarm(*this); }

    bool await_ready() noexcept {
        cancelled_ = context_.cancelled();
        return cancelled_ || when_ <= context_.home().now();
    }
    void await_suspend(std::coroutine_handle<> at) noexcept {
        context_.suspend(at, this, "rate_limiter.acquire");
        context_.home().arm(*this, when_);
    }
    void await_resume() const {
        if (cancelled_) throw operation_cancelled("the wait for a rate limit was cancelled");
    }

private:
    static void expired(timer_node& timer) noexcept { static_cast<turn_awaiter&>(timer).context_.wake(); }
    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<turn_awaiter&>(hook);
        if (!self.armed()) return; // it has just expired
        self.cancelled_ = true;
        self.context_.home().disarm(self);
        self.context_.wake();
    }

    task_context& context_;
    scheduler::clock::time_point when_;
    bool cancelled_ = false;
};

class turn_operation {
public:
    explicit turn_operation(scheduler::clock::time_point when) noexcept : when_(when) {}
    turn_awaiter await_in(task_context& context) const noexcept { return turn_awaiter(context, when_); }

private:
    scheduler::clock::time_point when_;
};

} // namespace

// Counted among those in line until it is destroyed.
class rate_limiter::place_in_line {
public:
    explicit place_in_line(rate_limiter& owner) noexcept : owner_(owner) {} // in_line_ was raised already
    place_in_line(const place_in_line&) = delete;
    place_in_line& operator=(const place_in_line&) = delete;
    ~place_in_line() {
        const std::lock_guard lock(owner_.mutex_);
        --owner_.in_line_;
    }

private:
    rate_limiter& owner_;
};

rate_limiter::rate_limiter(std::uint64_t tokens, time_span period, std::uint64_t burst)
    : tokens_(at_least_one(tokens, "the number of tokens")), cost_(nanoseconds_of(period)),
      burst_(at_least_one(burst, "the burst")) {
    if (burst_ > most_units / cost_ || tokens_ > most_units)
        throw std::invalid_argument("rate_limiter: burst * period is more than 2^62 ns");
    level_ = burst_ * cost_;
}

void rate_limiter::check(std::uint64_t n) const {
    if (n > burst_)
        throw std::invalid_argument("rate_limiter: " + std::to_string(n) +
                                    " tokens were asked for at once, but the burst is " +
                                    std::to_string(burst_));
}

rate_limiter::clock::time_point rate_limiter::current_time() {
    const task_context* const context = task_context::current();
    return context ? context->home().now() : clock::now();
}

std::uint64_t rate_limiter::level_at(clock::time_point now) const noexcept {
    const std::uint64_t full = burst_ * cost_;
    if (level_ >= full || now <= as_of_) return level_;
    const std::uint64_t missing = full - level_;
    const std::uint64_t elapsed = nanoseconds_between(as_of_, now);
    return elapsed > missing / tokens_ ? full : level_ + elapsed * tokens_;
}

void rate_limiter::fill_until(clock::time_point now) noexcept {
    level_ = level_at(now);
    as_of_ = std::max(as_of_, now);
}

bool rate_limiter::take(std::uint64_t n, clock::time_point now) noexcept {
    fill_until(now);
    if (level_ < n * cost_) return false;
    level_ -= n * cost_;
    return true;
}

rate_limiter::clock::time_point rate_limiter::ready_at(std::uint64_t n) const noexcept {
    if (level_ >= n * cost_) return as_of_;
    const std::uint64_t wait = (n * cost_ - level_ + tokens_ - 1) / tokens_;
    return later(as_of_, clock::duration(static_cast<std::int64_t>(wait))); // at most 2^62 + 1
}

// `when` is what `ready_at` said: at that time, not later, when the task happens to run.
void rate_limiter::take_at(std::uint64_t n, clock::time_point when) noexcept {
    // At most tokens_ - 1 units above n * cost_: the bucket may hold these beyond the burst, so that the
    // fraction of a nanosecond by which `when` was rounded up is not lost.
    level_ += nanoseconds_between(as_of_, when) * tokens_;
    as_of_ = when;
    level_ -= n * cost_;
}

task<> rate_limiter::acquire(std::uint64_t n) {
    check(n);
    return wait_and_take(n);
}

task<> rate_limiter::wait_and_take(std::uint64_t n) {
    if (task_context::current()->cancelled())
        throw operation_cancelled("the wait for a rate limit was cancelled");
    const clock::time_point arrival = current_time();
    {
        const std::lock_guard lock(mutex_);
        if (in_line_ == 0 && take(n, arrival)) co_return;
        ++in_line_;
    }
    const place_in_line place(*this);
    const semaphore_permit turn = co_await turn_.acquire();
    clock::time_point ready;
    {
        const std::lock_guard lock(mutex_);
        // What the bucket gained between the arrival and now is for this waiter, even beyond the burst.
        fill_until(arrival);
        ready = ready_at(n);
    }
    co_await turn_operation(ready);
    const std::lock_guard lock(mutex_);
    take_at(n, ready);
}

bool rate_limiter::try_acquire(std::uint64_t n) {
    check(n);
    const clock::time_point now = current_time();
    const std::lock_guard lock(mutex_);
    return in_line_ == 0 && take(n, now);
}

std::uint64_t rate_limiter::available() const {
    const clock::time_point now = current_time();
    const std::lock_guard lock(mutex_);
    return level_at(now) / cost_;
}

bool rate_limiter::idle() const {
    const clock::time_point now = current_time();
    const std::lock_guard lock(mutex_);
    return in_line_ == 0 && level_at(now) >= burst_ * cost_;
}

} // namespace tandem
