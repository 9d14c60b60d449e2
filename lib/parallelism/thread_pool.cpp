#include "tandem/parallelism/thread_pool.hpp"

#include "lib/parallelism/pool_state.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <typeinfo>

#include <cxxabi.h>

namespace tandem {
namespace detail {

pool_state::pool_state(thread_pool& pool, const thread_pool_options& opts)
    : owner(pool), options(opts),
      sleepers(std::max<std::size_t>(opts.workers(), 1),
               // More searchers than half the processors would only take time from those who work.
               std::max<std::size_t>(
                   1, std::min<std::size_t>(opts.workers(), std::thread::hardware_concurrency()) / 2)) {
    const std::size_t count = std::max<std::size_t>(options.workers(), 1);
    workers.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        workers.push_back(std::make_unique<pool_worker>(*this, i));
    for (const auto& worker : workers)
        batches_.push_back(&worker->batch());
    try {
        for (const auto& worker : workers)
            worker->start();
    } catch (...) {
        stop();
        throw;
    }
}

bool pool_state::accept(pool_job& job, pool_priority priority) noexcept {
    if (on_worker()) {
        current_worker->submit(job, priority);
        return true;
    }
    job_queue& queue = priority == pool_priority::background ? background : injected;
    if (!queue.push(job, epoch_)) return false;
    sleepers.work_added();
    return true;
}

bool pool_state::remove(pool_job& job) noexcept {
    if (!injected.remove(job, batches_) && !background.remove(job, {})) return false;
    if (drained_epoch() != no_epoch) notify_drain();
    return true;
}

bool pool_state::has_work() const noexcept {
    if (!injected.empty() || !background.empty()) return true;
    return std::any_of(workers.begin(), workers.end(), [](const auto& worker) { return worker->has_work(); });
}

template <class Predicate>
bool pool_state::wait_progress(std::unique_lock<std::mutex>& lock, deadline until, Predicate reached) {
    if (until) return progress_.wait_until(lock, *until, reached);
    progress_.wait(lock, reached);
    return true;
}

// The same after a stop: a worker that still runs may wait, in block_on, for what another one has left
// behind.
template <class Predicate>
bool pool_state::wait_and_drop(std::unique_lock<std::mutex>& lock, deadline until, Predicate reached) {
    const auto left_work = [this] {
        return std::any_of(workers.begin(), workers.end(),
                           [](const auto& worker) { return worker->left_work(); });
    };
    for (;;) {
        if (!wait_progress(lock, until, [&] { return reached() || left_work(); })) return false;
        if (reached()) return true;
        lock.unlock();
        drop_left();
        lock.lock();
    }
}

bool pool_state::stop(deadline until) {
    if (on_worker())
        throw std::logic_error("thread_pool: stop on one of its own workers, which cannot join itself");
    std::unique_lock lock(progress_mutex_);
    if (stopper_ == std::this_thread::get_id()) return true;
    const auto my_turn = [this] { return all_dropped_ || stopper_ == std::thread::id(); };
    if (!wait_progress(lock, until, my_turn)) return false;
    if (all_dropped_) return true;
    stopper_ = std::this_thread::get_id();
    lock.unlock();

    close();
    drop_injected();

    lock.lock();
    const bool ended = wait_and_drop(lock, until, [this] { return running_ == 0; });
    lock.unlock();
    if (ended) {
        for (const auto& worker : workers)
            worker->join();
        drop_left();
    }
    lock.lock();
    all_dropped_ = ended;
    stopper_ = std::thread::id();
    lock.unlock();
    progress_.notify_all();
    return ended;
}

void pool_state::close() noexcept {
    stopping_.store(true); // first: when a submit is refused, no worker begins another job
    injected.close();
    background.close();
    sleepers.close();
    stop_requests.request_stop();
}

void pool_state::worker_began() noexcept {
    const std::scoped_lock lock(progress_mutex_);
    ++running_;
}

void pool_state::worker_ended() noexcept {
    const std::scoped_lock lock(progress_mutex_);
    --running_;
    progress_.notify_all();
}

// Once closed nothing is added to the queues, and when they are empty nothing to the batches.
void pool_state::drop_injected() noexcept {
    while (pool_job* job = injected.pop())
        drop(*job);
    while (pool_job* job = background.pop())
        drop(*job);
    for (job_batch* const batch : batches_)
        while (pool_job* job = batch->steal())
            drop(*job);
}

// Only of workers that have gone: in the deque of one that runs there may be forks that it will join.
void pool_state::drop_left() noexcept {
    for (const auto& worker : workers)
        while (worker->left_work())
            if (pool_job* job = worker->steal()) drop(*job);
}

thread_pool::statistics pool_state::stats() const noexcept {
    thread_pool::statistics total;
    for (const auto& worker : workers)
        worker->add_to(total);
    return total;
}

// Drain. Every job belongs to one of two epochs: jobs from outside to the current one, jobs from a worker to
// that of the job that submits them. A drain waits for what is left of the other epoch (late submits that ran
// beside the last drain), makes that one current and waits for the old one, to which only its own offspring
// is added.

bool pool_state::drain(deadline until) {
    if (on_worker())
        throw std::logic_error("thread_pool: drain on one of its own workers, which would wait for itself");
    {
        std::unique_lock lock(progress_mutex_);
        if (!wait_progress(lock, until, [this] { return !draining_; })) return false;
        draining_ = true;
    }
    const std::uint8_t current = epoch_.load();
    const auto other = static_cast<std::uint8_t>(1 - current);
    bool done = wait_until_settled(other, until);
    if (done) {
        epoch_.store(other);
        done = wait_until_settled(current, until);
    }
    {
        const std::scoped_lock lock(progress_mutex_);
        draining_ = false;
    }
    progress_.notify_all();
    // After a stop that gave up waiting the rest may stand in the deques still: it is dropped now.
    return done && stopping() ? stop(until) : done;
}

bool pool_state::wait_until_settled(std::uint8_t epoch, deadline until) {
    std::unique_lock lock(progress_mutex_);
    drained_.store(epoch, std::memory_order_seq_cst);
    // Without threads nothing that is left will run: see drain.
    const auto over = [&] { return all_dropped_ || (stopping() && running_ == 0) || settled(epoch); };
    const bool done = wait_and_drop(lock, until, over);
    drained_.store(no_epoch, std::memory_order_seq_cst);
    return done;
}

// Finished first, submitted second: a job is counted as submitted before it can finish, and before its parent
// does. So what is seen finished has all its offspring seen submitted, and equal sums mean that nothing was
// left between.
bool pool_state::settled(std::uint8_t epoch) noexcept {
    std::uint64_t finished = 0;
    for (const auto& worker : workers)
        finished += worker->finished(epoch);
    std::uint64_t submitted = injected.submitted(epoch) + background.submitted(epoch);
    for (const auto& worker : workers)
        submitted += worker->submitted(epoch);
    return finished == submitted;
}

void pool_state::notify_drain() noexcept {
    {
        const std::scoped_lock lock(progress_mutex_);
    } // a drain is before its look at the counts, or asleep
    progress_.notify_all();
}

} // namespace detail

namespace {

[[noreturn]] void die_of(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        int status = 0;
        char* name = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status);
        std::fprintf(stderr, "tandem::thread_pool: a posted callable threw %s: %s\n",
                     name != nullptr ? name : typeid(e).name(), e.what());
        std::free(name);
    } catch (...) {
        std::fputs("tandem::thread_pool: a posted callable threw something that is no std::exception\n",
                   stderr);
    }
    std::terminate();
}

thread_pool_options with_count(const thread_pool_options& options) {
    thread_pool_options result = options;
    if (result.workers() == 0) result.workers(std::max(1u, std::thread::hardware_concurrency()));
    return result;
}

} // namespace

thread_pool::thread_pool(std::size_t workers) : thread_pool(thread_pool_options().workers(workers)) {}

thread_pool::thread_pool(const thread_pool_options& options)
    : state_(std::make_unique<detail::pool_state>(*this, with_count(options))) {}

thread_pool::~thread_pool() {
    stop();
}

void thread_pool::submit(pool_job& job, pool_priority priority) noexcept {
    if (!state_->accept(job, priority)) state_->drop(job);
}

bool thread_pool::try_remove(pool_job& job) noexcept {
    return state_->remove(job);
}

bool thread_pool::accept(pool_job& job, pool_priority priority) noexcept {
    return state_->accept(job, priority);
}

void thread_pool::throw_stopped() {
    throw pool_stopped("thread_pool: submit after stop");
}

std::stop_token thread_pool::stop_token() const noexcept {
    return state_->stop_requests.get_token();
}

void thread_pool::report(std::exception_ptr error) noexcept {
    const auto& handler = state_->options.on_exception();
    if (!handler) die_of(error);
    handler(std::move(error));
}

std::size_t thread_pool::workers() const noexcept {
    return state_->workers.size();
}
thread_pool::statistics thread_pool::stats() const noexcept {
    return state_->stats();
}
bool thread_pool::on_worker() const noexcept {
    return state_->on_worker();
}

thread_pool* thread_pool::current() noexcept {
    return detail::current_worker != nullptr ? &detail::current_worker->pool().owner : nullptr;
}

void thread_pool::stop() {
    state_->stop();
}
bool thread_pool::stop_within(std::chrono::nanoseconds limit) {
    return state_->stop(std::chrono::steady_clock::now() + limit);
}
void thread_pool::drain() {
    state_->drain();
}
bool thread_pool::drain_within(std::chrono::nanoseconds limit) {
    return state_->drain(std::chrono::steady_clock::now() + limit);
}

} // namespace tandem
