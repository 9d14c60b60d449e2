#include "lib/core/loop.hpp"

#include <tandem/core/detail/trace_hooks.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

namespace tandem::detail {

loop::loop(runtime& owner, thread_pool& companion, loop_control* control)
    : work_(boost::asio::make_work_guard(io_)), timers_(control ? control->now() : clock::now()),
      owner_(owner), companion_(companion), control_(control), awake_since_(clock::now()) {
    set_turn_time(now());
}

loop::~loop() {
    delist();
    // A thread that woke the last task may not have left `schedule` yet.
    while (producers_.load(std::memory_order_acquire) != 0)
        std::this_thread::yield();
}

bool loop::is_current() const noexcept {
    return current_scheduler == this;
}

scheduler::clock::time_point loop::now() const noexcept {
    return control_ ? control_->now() : clock::now();
}

bool loop::interrupt(int signal, std::atomic<pthread_t>& thread) noexcept {
    const std::lock_guard lock(thread_mutex_);
    if (!running()) return false;
    thread.store(thread_, std::memory_order_seq_cst);
    return pthread_kill(thread_, signal) == 0;
}

bool loop::queued(const ready_node& node) noexcept {
    inbox_.take(ready());
    return ready().contains(node);
}

boost::asio::any_io_executor loop::executor() const {
    return const_cast<context&>(io_).get_executor(); // get_executor does not change the context
}

void loop::schedule_from_outside(ready_node& node) noexcept {
    producers_.fetch_add(1, std::memory_order_relaxed); // before the node can be seen, see the destructor
    inbox_.push(node);
    // A post allocates, and may throw when memory is exhausted: then there is no way on (terminate by
    // noexcept).
    if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst))
        boost::asio::post(io_, [] {});
    producers_.fetch_sub(1, std::memory_order_release); // the last touch
}

void loop::stop() noexcept {
    stop_.store(true, std::memory_order_seq_cst);
    if (asleep_.exchange(false, std::memory_order_seq_cst)) boost::asio::post(io_, [] {});
}

bool loop::run_ready() noexcept {
    inbox_.take(ready());
    if (control_) return run_ready_in_chosen_order();
    for (int n = 0; n < most_ready; ++n) {
        ready_node* const node = ready().pop();
        if (!node) return false;
        beat(2);
        node->run();
    }
    return !ready().empty();
}

bool loop::run_ready_in_chosen_order() noexcept {
    for (int n = 0; n < most_ready && !ready().empty(); ++n) {
        ready_node& node = ready().take(control_->pick(ready().size()));
        beat(2);
        node.run();
        inbox_.take(ready());
    }
    return !ready().empty();
}

// For a loop that has nothing ready.
bool loop::control_moved_clock() noexcept {
    if (io_.poll_one() != 0) return true;
    loop_control::idle_state state;
    state.next_timer = timers_.next_expiry();
    state.computations = computations_;
    state.operations = operations_.load(std::memory_order_relaxed);
    return control_->idle(*this, state);
}

void loop::begin_wait() noexcept {
    waiting_ = true;
    beat(1);
    if (trace_hooks* const listener = trace.load(std::memory_order_acquire)) [[unlikely]]
        listener->loop_waits(*this);
}

void loop::end_wait() noexcept {
    waiting_ = false;
    beat(1);
    awake_since_ = clock::now();
    set_turn_time(control_ ? now() : awake_since_);
    if (trace_hooks* const listener = trace.load(std::memory_order_acquire)) [[unlikely]]
        listener->loop_woke(*this);
}

void loop::wait_for_work() {
    if (control_ && control_moved_clock()) return;
    asleep_.store(true, std::memory_order_seq_cst);
    if (!inbox_.empty() || stop_.load(std::memory_order_seq_cst)) {
        asleep_.store(false, std::memory_order_relaxed);
        return;
    }
    const clock::time_point before = clock::now();
    busy_ns_.fetch_add(static_cast<std::uint64_t>((before - awake_since_).count()),
                       std::memory_order_relaxed);
    begin_wait();
    const auto next = timers_.next_expiry();
    if (next && !control_)
        io_.run_one_until(std::max(*next, before));
    else
        io_.run_one();
    asleep_.store(false, std::memory_order_relaxed);
    if (waiting_) end_wait();
}

void loop::run() {
    const scheduler* const outer = std::exchange(current_scheduler, this);
    awake_since_ = clock::now();
    {
        const std::lock_guard lock(thread_mutex_);
        thread_ = pthread_self();
        running_.store(true, std::memory_order_release);
    }
    while (!stop_.load(std::memory_order_relaxed)) {
        set_turn_time(now());
        if (!timers_.empty()) timers_.advance(turn_time());
        const bool more = run_ready();
        // One non-blocking look at I/O each turn; when nothing is ready, wait instead, and then take what
        // else is there.
        if (!more && ready().empty() && inbox_.empty()) wait_for_work();
        for (int n = 0; n < most_io && io_.poll_one() != 0; ++n)
            beat(2);
    }
    {
        const std::lock_guard lock(thread_mutex_);
        running_.store(false, std::memory_order_release);
    }
    stop_.store(false, std::memory_order_relaxed);
    busy_ns_.fetch_add(static_cast<std::uint64_t>((clock::now() - awake_since_).count()),
                       std::memory_order_relaxed);
    current_scheduler = outer;
}

void loop::abandon_operations() {
    tear_down();
    io_.abandon();
}

} // namespace tandem::detail
