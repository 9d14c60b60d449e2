#include "lib/core/loop.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <thread>

namespace tandem::detail {

namespace {
constinit thread_local const loop* current_loop = nullptr;
}

loop::loop(runtime& owner, thread_pool& companion)
    : work_(boost::asio::make_work_guard(io_)), timers_(clock::now()), owner_(owner), companion_(companion),
      awake_since_(clock::now()) {}

loop::~loop() {
    // A thread that woke the last task may not have left `schedule` yet.
    while (producers_.load(std::memory_order_acquire) != 0)
        std::this_thread::yield();
}

bool loop::is_current() const noexcept {
    return current_loop == this;
}

scheduler::clock::time_point loop::now() const noexcept {
    return clock::now();
}

boost::asio::any_io_executor loop::executor() const {
    return const_cast<context&>(io_).get_executor(); // get_executor does not change the context
}

void loop::schedule(ready_node& node) noexcept {
    if (current_loop == this) {
        ready_.push(node);
        return;
    }
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
    inbox_.take(ready_);
    for (int n = 0; n < most_ready; ++n) {
        ready_node* const node = ready_.pop();
        if (!node) return false;
        node->run();
    }
    return !ready_.empty();
}

void loop::wait_for_work() {
    asleep_.store(true, std::memory_order_seq_cst);
    if (!inbox_.empty() || stop_.load(std::memory_order_seq_cst)) {
        asleep_.store(false, std::memory_order_relaxed);
        return;
    }
    const clock::time_point before = clock::now();
    busy_ns_.fetch_add(static_cast<std::uint64_t>((before - awake_since_).count()),
                       std::memory_order_relaxed);
    waiting_ = true;
    if (const auto next = timers_.next_expiry())
        io_.run_one_until(std::max(*next, before));
    else
        io_.run_one();
    asleep_.store(false, std::memory_order_relaxed);
    if (waiting_) end_wait();
}

void loop::run() {
    const loop* const outer = current_loop;
    current_loop = this;
    awake_since_ = clock::now();
    while (!stop_.load(std::memory_order_relaxed)) {
        const bool more = run_ready();
        if (!timers_.empty()) timers_.advance(clock::now());
        // One non-blocking look at I/O each turn; when nothing is ready, wait instead, and then take what
        // else is there.
        if (!more && ready_.empty() && inbox_.empty()) wait_for_work();
        for (int n = 0; n < most_io && io_.poll_one() != 0; ++n) {
        }
    }
    stop_.store(false, std::memory_order_relaxed);
    busy_ns_.fetch_add(static_cast<std::uint64_t>((clock::now() - awake_since_).count()),
                       std::memory_order_relaxed);
    current_loop = outer;
}

void loop::abandon_operations() {
    tear_down();
    io_.abandon();
}

} // namespace tandem::detail
