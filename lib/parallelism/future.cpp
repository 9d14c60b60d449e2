#include "tandem/parallelism/future.hpp"

#include "lib/parallelism/futex.hpp"
#include "lib/parallelism/pool_state.hpp"

#include <tandem/core/context.hpp>
#include <tandem/core/scheduler.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <utility>

namespace tandem::detail {

// The job's own end: from here on only who has `taken_` it touches the call and the outcome.
bool future_state_base::take() noexcept {
    return !taken_.exchange(true, std::memory_order_acq_rel);
}

void future_state_base::act(pool_job& job, bool dropped) noexcept {
    auto& self = static_cast<future_state_base&>(job);
    if (self.take()) {
        if (dropped) {
            self.destroy_call();
            self.end(ending::dropped);
        } else {
            self.run();
        }
    }
    self.release();
}

bool future_state_base::run_if_queued() noexcept {
    if (!take()) return false;
    run();
    return true;
}

bool future_state_base::cancel() noexcept {
    if (take()) {
        destroy_call();
        end(ending::cancelled);
        return true;
    }
    if (!done()) request_stop();
    return false;
}

// The callable goes before the end is told: whoever waits may destroy what it refers to.
void future_state_base::run() noexcept {
    ending how = ending::value;
    try {
        call();
    } catch (...) {
        failure_ = std::current_exception();
        how = ending::failure;
    }
    destroy_call();
    end(how);
}

void future_state_base::end(ending how) noexcept {
    how_ = how;
    ended_.complete();
}

void future_state_base::wait_until_passed_by() const noexcept {
    while (owners_.load(std::memory_order_acquire) != 1)
        std::this_thread::yield();
}

void future_state_base::rethrow() {
    switch (how_) {
    case ending::failure:
        std::rethrow_exception(std::move(failure_));
    case ending::cancelled:
        throw operation_cancelled("a call on a pool was cancelled before it began");
    case ending::dropped:
        throw pool_stopped("thread_pool: the pool stopped before the call began");
    case ending::none:
    case ending::value:
        break;
    }
}

std::stop_token token_of_this_worker() {
    return current_worker->pool().stop_requests.get_token();
}

namespace {

// A thread that sleeps until it is told.
class blocked_thread : public completion_listener {
public:
    blocked_thread() noexcept : completion_listener(&blocked_thread::tell) {}

    void wait() noexcept {
        while (!told())
            futex_wait(told_, 0);
    }
    bool wait_for(std::chrono::nanoseconds limit) noexcept {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (!told()) {
            const std::chrono::nanoseconds left = deadline - std::chrono::steady_clock::now();
            if (left <= left.zero()) return false;
            futex_wait(told_, 0, &left);
        }
        return true;
    }

private:
    bool told() const noexcept { return told_.load(std::memory_order_acquire) != 0; }

    static void tell(completion_listener& listener) noexcept {
        auto* const word = &static_cast<blocked_thread&>(listener).told_;
        word->store(1, std::memory_order_release); // the last touch: now the thread may go on
        futex_wake(word);
    }

    std::atomic<std::uint32_t> told_{0};
};

} // namespace

void require_waiting_allowed() {
    if (current_scheduler != nullptr && current_forks == nullptr)
        throw std::logic_error(
            "future: waiting here would block the loop; co_await std::move(future) instead");
}

void block_until_done(completion_flag& flag) noexcept {
    blocked_thread here;
    if (flag.listen(here)) here.wait();
}

void wait_until_done(completion_flag& flag) {
    if (flag.done()) return;
    if (current_worker != nullptr) return current_worker->work_until_done(flag);
    require_waiting_allowed();
    block_until_done(flag);
}

void wait_until_done(future_state_base& state) {
    // By itself first: that needs no room on the stack beyond a call's.
    if (current_worker != nullptr && state.belongs_to(current_worker->pool().owner)) state.run_if_queued();
    wait_until_done(state.ended());
}

void run_if_awaited_where_it_blocks(future_state_base& state, const task_context& context) noexcept {
    if (current_worker == nullptr) return;
    const thread_pool& pool = current_worker->pool().owner;
    if (pool.workers() != 1 || context.deadline() != task_context::clock::time_point::max()) return;
    if (context.home().companion() != &pool || !state.belongs_to(pool) || state.done()) return;
    // Like every call on a worker, outside of any scheduler and of any task.
    const scheduler* const blocked = std::exchange(current_scheduler, nullptr);
    pump* const outer = std::exchange(current_pump, nullptr);
    state.run_if_queued();
    current_pump = outer;
    current_scheduler = blocked;
}

bool wait_for_end(completion_flag& flag, std::chrono::nanoseconds limit) {
    if (flag.done()) return true;
    require_waiting_allowed();
    blocked_thread here;
    if (!flag.listen(here)) return true;
    if (here.wait_for(limit)) return true;
    if (flag.unlisten(here)) return false;
    here.wait(); // it is just being told
    return true;
}

} // namespace tandem::detail
