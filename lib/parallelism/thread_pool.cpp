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
    try {
        for (const auto& worker : workers)
            worker->start(options.name());
    } catch (...) {
        stop();
        throw;
    }
}

bool pool_state::accept(pool_job& job) noexcept {
    if (on_worker()) {
        current_worker->submit(job);
        return true;
    }
    if (!injected.push(job, epoch_)) return false;
    sleepers.work_added();
    return true;
}

bool pool_state::remove(pool_job& job) noexcept {
    if (!injected.remove(job)) return false;
    if (drained_epoch() != no_epoch) notify_drain();
    return true;
}

bool pool_state::has_work() const noexcept {
    if (!injected.empty()) return true;
    return std::any_of(workers.begin(), workers.end(), [](const auto& worker) { return worker->has_work(); });
}

void pool_state::stop() {
    if (on_worker())
        throw std::logic_error("thread_pool: stop on one of its own workers, which cannot join itself");
    const std::scoped_lock lock(stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    stopping_.store(true); // first: when a submit is refused, no worker begins another job
    injected.close();
    sleepers.close();
    stop_requests.request_stop();
    for (const auto& worker : workers)
        worker->join();
    drop_queued();
    {
        const std::scoped_lock drain_lock(drain_mutex_);
        all_dropped_ = true;
    }
    drain_progress_.notify_all();
}

void pool_state::drop_queued() noexcept {
    while (pool_job* job = injected.pop())
        drop(*job);
    for (const auto& worker : workers)
        while (worker->has_work())
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

void pool_state::drain() {
    if (on_worker())
        throw std::logic_error("thread_pool: drain on one of its own workers, which would wait for itself");
    const std::scoped_lock lock(one_drain_);
    const std::uint8_t current = epoch_.load();
    const auto other = static_cast<std::uint8_t>(1 - current);
    wait_until_settled(other);
    epoch_.store(other);
    wait_until_settled(current);
}

void pool_state::wait_until_settled(std::uint8_t epoch) {
    std::unique_lock lock(drain_mutex_);
    drained_.store(epoch, std::memory_order_seq_cst);
    drain_progress_.wait(lock, [&] { return all_dropped_ || settled(epoch); });
    drained_.store(no_epoch, std::memory_order_seq_cst);
}

// Finished first, submitted second: a job is counted as submitted before it can finish, and before its parent
// does. So what is seen finished has all its offspring seen submitted, and equal sums mean that nothing was
// left between.
bool pool_state::settled(std::uint8_t epoch) noexcept {
    std::uint64_t finished = 0;
    for (const auto& worker : workers)
        finished += worker->finished(epoch);
    std::uint64_t submitted = injected.submitted(epoch);
    for (const auto& worker : workers)
        submitted += worker->submitted(epoch);
    return finished == submitted;
}

void pool_state::notify_drain() noexcept {
    {
        const std::scoped_lock lock(drain_mutex_);
    } // a drain is before its look at the counts, or asleep
    drain_progress_.notify_all();
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

void thread_pool::submit(pool_job& job) noexcept {
    if (!state_->accept(job)) state_->drop(job);
}

bool thread_pool::try_remove(pool_job& job) noexcept {
    return state_->remove(job);
}

bool thread_pool::accept(pool_job& job) noexcept {
    return state_->accept(job);
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
void thread_pool::drain() {
    state_->drain();
}

} // namespace tandem
