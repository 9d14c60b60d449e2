#include "lib/core/loop.hpp"

#include <tandem/core/detail/opaque.hpp>
#include <tandem/core/detail/trace_hooks.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/time_span.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace tandem::detail {

namespace {

// Nodes do not throw, so it was a handler that somebody has given to Asio: nobody awaits it. It must not
// leave `run` either, whose caller would destroy frames to which operations refer.
[[noreturn]] void terminate_after_handler(const loop& where, const std::exception_ptr& failure) {
    const std::string text = "tandem: an exception left a handler that Asio ran on loop " +
                             std::to_string(where.index()) + ": " + describe(failure) +
                             "\n    Catch it in the handler, or make a task of it: tandem::spawn(executor, "
                             "task, token) hands over what a task throws\n";
    std::fputs(text.c_str(), stderr);
    std::terminate();
}

} // namespace

loop::loop(runtime& owner, thread_pool& companion, loop_control* control)
    : work_(boost::asio::make_work_guard(io_)), sockets_(*this, io_, sockets_memory_),
      timers_(control ? control->now() : clock::now()), owner_(owner), companion_(companion),
      short_wait_(std::thread::hardware_concurrency() > 1), control_(control), awake_since_(clock::now()) {
    set_turn_time(now());
    if (control_) {
        control_->attach(*this);
        if (control_->shuffles()) queue_every_step();
    }
}

loop::~loop() {
    leave_everything();
}

void loop::retire(std::unique_ptr<loop> l) noexcept {
    if (!l->left_behind_) return;
    l->leave_everything();
    static constinit std::atomic<loop*> staying{nullptr}; // so that no tool takes them for lost
    loop* const kept = l.release();
    kept->next_ = staying.exchange(kept, std::memory_order_acq_rel);
}

void loop::leave_everything() noexcept {
    delist();
    if (control_) control_->detach(*this);
    // A thread that woke the last task may not have left `schedule` yet.
    wait_for_wakers();
    while (!gate_.quiet())
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

boost::asio::any_io_executor loop::executor() const {
    return const_cast<context&>(io_).get_executor(); // get_executor does not change the context
}

void loop::schedule_from_outside(ready_node& node) noexcept {
    gate_.push(inbox_, node, [this] { post_wake_up(); });
}

void loop::post_wake_up() noexcept {
    boost::asio::post(io_, wake_up(*this));
}

void loop::poke() noexcept {
    poked_.store(true, std::memory_order_seq_cst);
    gate_.ring([this] { post_wake_up(); });
}

void loop::stop() noexcept {
    stop_.store(true, std::memory_order_seq_cst);
    gate_.ring([this] { post_wake_up(); });
}

bool loop::run_ready() noexcept {
    inbox_.take(ready());
    if (control_ && control_->shuffles()) return run_ready_in_chosen_order();
    ready_node* last = nullptr;
    for (int n = 0; n < most_ready; ++n) {
        ready_node* node = ready().pop();
        if (!node) return false;
        // One that is alone and gives way is the next again. The processor, which predicts that, goes on with
        // the address that it has and need not wait for the queue to give it back: 0.8 of 8.6 ns.
        if (node == last) node = opaque(last);
        last = node;
        beat(2);
        node->run();
    }
    return !ready().empty();
}

bool loop::run_ready_in_chosen_order() noexcept {
    for (int n = 0; n < most_ready && !ready().empty(); ++n) {
        ready_node& node = ready().take(control_->pick(*this, ready().size()));
        beat(2);
        node.run();
        inbox_.take(ready());
    }
    return !ready().empty();
}

// For a loop that has nothing ready: how long it may wait.
std::chrono::nanoseconds loop::ask_control() {
    poked_.store(false, std::memory_order_seq_cst);
    const std::size_t completed = io_.poll_one();
    handlers_ += static_cast<long>(completed);
    if (completed != 0) return std::chrono::nanoseconds(0);
    loop_control::idle_state state;
    state.next_timer = timers_.next_expiry();
    state.computations = computations_;
    state.operations = operations_.load(std::memory_order_relaxed);
    state.worked = worked_ || handlers_ != 0;
    worked_ = false;
    handlers_ = 0;
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
    if (control_) control_->awake(*this);
    awake_since_ = clock::now();
    set_turn_time(control_ ? now() : awake_since_);
    if (trace_hooks* const listener = trace.load(std::memory_order_acquire)) [[unlikely]]
        listener->loop_woke(*this);
}

// Whether another thread hands something over in a moment, or I/O has completed meanwhile.
bool loop::news_soon() {
    if (control_) return false;
    auto has_news = [this] { return !inbox_.empty() || stop_.load(std::memory_order_relaxed); };
    return short_wait_.look(turn_time(), has_news, [this] { return poll_one(); });
}

void loop::wait_for_work() {
    std::chrono::nanoseconds longest = loop_control::for_ever;
    if (control_) {
        if (stop_.load(std::memory_order_seq_cst)) return;
        longest = ask_control();
        if (longest.count() == 0) return;
    }
    if (!gate_.fall_asleep([this] {
            return !inbox_.empty() || stop_.load(std::memory_order_seq_cst) ||
                   poked_.load(std::memory_order_seq_cst);
        })) {
        if (control_) control_->awake(*this);
        return;
    }
    const clock::time_point before = clock::now();
    busy_ns_.fetch_add(static_cast<std::uint64_t>((before - awake_since_).count()),
                       std::memory_order_relaxed);
    begin_wait();
    const auto next = timers_.next_expiry();
    std::size_t completed = 0;
    if (control_ && longest != loop_control::for_ever)
        completed = io_.run_one_until(later(before, longest));
    else if (next && !control_)
        completed = io_.run_one_until(std::max(*next, before));
    else
        completed = io_.run_one();
    handlers_ += static_cast<long>(completed);
    gate_.awake();
    if (waiting_) end_wait();
    short_wait_.slept(awake_since_ - before, !inbox_.empty());
}

bool loop::poll_one() {
    if (io_.poll_one() == 0) return false;
    beat(2);
    ++handlers_;
    return true;
}

void loop::poll_io() {
    for (int n = 0; n < most_io && poll_one(); ++n) {
    }
}

void loop::run() noexcept {
    const scheduler* const outer = std::exchange(current_scheduler, this);
    awake_since_ = clock::now();
    {
        const std::lock_guard lock(thread_mutex_);
        thread_ = pthread_self();
        running_.store(true, std::memory_order_release);
    }
    try {
        run_turns();
    } catch (...) {
        terminate_after_handler(*this, std::current_exception());
    }
    if (control_) control_->awake(*this);
    {
        const std::lock_guard lock(thread_mutex_);
        running_.store(false, std::memory_order_release);
    }
    stop_.store(false, std::memory_order_relaxed);
    busy_ns_.fetch_add(static_cast<std::uint64_t>((clock::now() - awake_since_).count()),
                       std::memory_order_relaxed);
    current_scheduler = outer;
}

void loop::run_turns() {
    std::uint64_t last_look = heartbeat(); // at I/O
    while (!stop_.load(std::memory_order_relaxed)) {
        set_turn_time(now());
        const std::uint64_t before = heartbeat();
        if (!timers_.empty() && timers_.advance(turn_time())) worked_ = true;
        const bool more = run_ready();
        if (heartbeat() != before) worked_ = true;
        // One non-blocking look at I/O each turn; when nothing is ready, wait instead, and then take what
        // else is there. Turns that give each other one node make do with a look for as many nodes as a full
        // turn has. After a report of the sockets their tasks come first: what else there is takes its turn
        // when they wait again, without a further system call.
        sockets_.arm();
        sockets_reported_ = false;
        if (!more && ready().empty() && inbox_.empty()) {
            if (!news_soon())
                wait_for_work();
            else if (heartbeat() - last_look < 2 * most_ready)
                continue;
        }
        last_look = heartbeat();
        if (!sockets_reported_) poll_io();
    }
}

void loop::abandon_operations() {
    tear_down();
    // A thread that found the loop asleep, or handed it what a task elsewhere gave, may still be posting, and
    // Asio's shutdown reads its queue without a lock.
    wait_for_wakers();
    gate_.close();
    while (!gate_.quiet())
        std::this_thread::yield();
    io_.abandon();
}

} // namespace tandem::detail
