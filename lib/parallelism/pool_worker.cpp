// The loop of one worker.
#include "lib/parallelism/pool_state.hpp"

#include "lib/parallelism/spin.hpp"

#include <tandem/core/detail/trace_hooks.hpp>
#include <tandem/core/scheduler.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>

#if defined(__linux__)
#include <pthread.h>
#include <sys/resource.h>
#endif

namespace tandem::detail {
namespace {

// How long a worker that ran dry looks for work before it parks: somewhat longer than it was without work
// last time, if that is not too long, since work often comes at intervals; else ever shorter.
constexpr std::int64_t shortest_search_ns = 4'000;
constexpr std::int64_t longest_search_ns = 150'000;

// How long a worker leaves the injection queue alone after a short take. Each take costs who submits some
// hundred nanoseconds, for the queue's cache lines move to another processor and back. A worker that runs
// tiny jobs as fast as they come would take two or three at a time, and slow down the submits by more than
// they cost; so it lets some more come, unless there are many already. Jobs that take longer than this notice
// nothing.
constexpr std::int64_t after_short_take_ns = 500;

// Every so many jobs a worker takes the oldest work first: a prime, so that it meets no pattern of the
// program.
constexpr std::uint32_t fairness_period = 61;

void set_thread_name([[maybe_unused]] const std::string& name, [[maybe_unused]] std::size_t index) {
#if defined(__linux__)
    constexpr std::size_t longest = 15;
    std::string suffix("-"); // not "-" + ...: g++ 12 warns of its own string code at -O3
    suffix += std::to_string(index);
    const std::string text = name.substr(0, longest - suffix.size()) + suffix;
    pthread_setname_np(pthread_self(), text.c_str());
#endif
}

} // namespace

pool_worker::pool_worker(pool_state& pool, std::size_t index)
    : fork_stack(pool.owner, pool.options.workers()), pool_(pool), index_(index),
      random_(0x9E3779B97F4A7C15u * (index + 1)), search_ns_(shortest_search_ns) {}

void pool_worker::start() {
    pool_.worker_began();
    try {
        thread_ = std::thread([this] { run(); });
    } catch (...) {
        pool_.worker_ended();
        throw;
    }
    if (pool_.options.cpus().empty() && !pool_.options.nice()) return;
    start_error_.wait(unknown);
    if (const int error = start_error_.load(); error != 0)
        throw std::system_error(error, std::generic_category(),
                                "thread_pool: cannot give worker " + std::to_string(index_) +
                                    " its processor or nice value");
}

// Errno when the thread cannot be as the options want it.
int pool_worker::adopt_options() noexcept {
    const thread_pool_options& options = pool_.options;
    set_thread_name(options.name(), index_);
#if defined(__linux__)
    if (!options.cpus().empty()) {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        const int cpu = options.cpus()[index_ % options.cpus().size()];
        if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
        CPU_SET(static_cast<std::size_t>(cpu), &allowed);
        if (const int error = pthread_setaffinity_np(pthread_self(), sizeof(allowed), &allowed)) return error;
    }
    // 0: the calling thread. On Linux a nice value belongs to a thread, not to its process.
    if (options.nice() && setpriority(PRIO_PROCESS, 0, *options.nice()) != 0) return errno;
#endif
    return 0;
}

void pool_worker::submit(pool_job& job, pool_priority priority) noexcept {
    job.epoch_ = epoch_;
    add(submitted_[epoch_],
        1); // before the job can be seen, so that nobody finds it finished and not submitted
    if (!enqueue(job, priority)) return pool_state::drop(job);
    pool_.sleepers.work_added();
}

// False: the pool has stopped. (Into the deque it may go all the same: it is dropped with what lies there.)
bool pool_worker::enqueue(pool_job& job, pool_priority priority) noexcept {
    if (priority == pool_priority::background) return pool_.background.push_counted(job);
    // Within block_on the thread waits, perhaps for this job, and does not look at its deque meanwhile: there
    // the job could neither be taken back nor be dropped.
    const bool blocked = current_scheduler != nullptr && current_scheduler->companion() == &pool_.owner;
    return (!blocked && deque_.push(&job)) || pool_.injected.push_counted(job);
}

void pool_worker::run() noexcept {
    current_worker = this;
    current_forks = this;
    stack_base_ = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    start_error_.store(adopt_options());
    start_error_.notify_one();
    while (!pool_.stopping()) {
        pool_job* job = next();
        if (job == nullptr) job = wait_for_job();
        if (job == nullptr) break;
        run_job(*job);
    }
    end_busy();
    current_forks = nullptr;
    current_worker = nullptr;
    gone_.store(true);
    pool_.worker_ended();
}

void pool_worker::run_job(pool_job& job) noexcept {
    const std::uint8_t epoch = job.epoch_;
    epoch_ = epoch;
    if (owes_notice_ && pool_.drained_epoch() != epoch) {
        owes_notice_ = false;
        pool_.notify_drain();
    }
    if (busy_since_.load(std::memory_order_relaxed) == 0) begin_busy();
    trace_hooks* const listener = trace.load(std::memory_order_acquire);
    if (listener) [[unlikely]]
        listener->job_began(job);
    job.action_(job, false);
    if (listener) [[unlikely]]
        listener->job_ended();
    // From here on the job may be gone. The count and the question whether a drain waits are seq_cst, as are
    // the drain's announcement and its look at the counts: either it sees this job finished, or it gets a
    // notice.
    auto& finished = finished_[epoch];
    finished.store(finished.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
    if (pool_.drained_epoch() == epoch) owes_notice_ = true;
}

pool_job* pool_worker::next() noexcept {
    if (++tick_ % fairness_period == 0)
        if (pool_job* job = oldest()) return job;
    if (pool_job* job = deque_.pop()) return job;
    if (pool_job* job = next_injected()) return job;
    if (pool_job* job = steal_from_others()) return job;
    if (next_take_ns_ != 0) return nullptr; // what nobody has looked for in the injection queue goes first
    return pool_.background.pop();
}

pool_job* pool_worker::next_injected() noexcept {
    if (pool_job* job = batch_.take()) return job;
    if (next_take_ns_ != 0) {
        if (now_ns() < next_take_ns_)
            return nullptr; // it counts as searching meanwhile: nobody need be woken
        next_take_ns_ = 0;
    }
    pool_job* const job = pool_.injected.take(batch_, pool_.workers.size());
    if (job != nullptr && batch_.was_short() && pool_.injected.size() < job_batch::capacity)
        next_take_ns_ = now_ns() + after_short_take_ns;
    return job;
}

// The injection queue and this deque's far end in turn, and background jobs now and then: none may keep the
// others from their turn.
pool_job* pool_worker::oldest() noexcept {
    const std::uint32_t turn = tick_ / fairness_period;
    if (turn % 4 == 3)
        if (pool_job* job = pool_.background.pop()) return job;
    if (turn % 2 == 0)
        if (pool_job* job = deque_.steal()) return job;
    if (pool_job* job = next_injected()) return job;
    return deque_.steal();
}

pool_job* pool_worker::steal_from_others() noexcept {
    const std::size_t count = pool_.workers.size();
    if (count == 1) return nullptr;
    random_ ^= random_ << 13; // xorshift64: any start will do that differs from the neighbours'
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    std::size_t victim = static_cast<std::size_t>(random_ >> 32) % count;
    for (std::size_t i = 0; i < count; ++i) {
        if (victim != index_) {
            if (pool_job* job = pool_.workers[victim]->steal()) {
                add(steals_, 1);
                return job;
            }
        }
        if (++victim == count) victim = 0;
    }
    return nullptr;
}

// Ran dry: searches a little, then sleeps until there is a job. Null when the pool stops.
pool_job* pool_worker::wait_for_job() noexcept {
    end_busy();
    if (owes_notice_) {
        owes_notice_ = false;
        pool_.notify_drain();
    }
    const std::int64_t dry_since = now_ns();
    bool searching = pool_.sleepers.begin_search();
    for (;;) {
        if (searching) {
            if (pool_job* job = search()) {
                leave_search();
                return job;
            }
        }
        if (pool_.stopping()) return nullptr;
        add(parks_, 1);
        pool_.sleepers.park(spot_, searching, [this] { return pool_.has_work(); });
        searching = true;
        const std::int64_t dry = now_ns() - dry_since;
        search_ns_ = std::max(dry < longest_search_ns ? dry + dry / 4 : search_ns_ / 2, shortest_search_ns);
    }
}

pool_job* pool_worker::search(const join_point* awaited) noexcept {
    const std::int64_t deadline = now_ns() + search_ns_;
    for (unsigned round = 0; !pool_.stopping(); ++round) {
        if (pool_job* job = next()) return job;
        if (awaited != nullptr && awaited->is_done()) return nullptr;
        // Ever rarer looks: each one takes the queues' cache lines from those who write them. Then the
        // processor is offered to others, of which there may be more than processors.
        if (round < 6) {
            for (unsigned i = 0; i < (1u << round); ++i)
                cpu_relax();
        } else {
            std::this_thread::yield();
        }
        if (now_ns() >= deadline) break;
    }
    return nullptr;
}

void pool_worker::end_busy() noexcept {
    const std::int64_t since = busy_since_.load(std::memory_order_relaxed);
    if (since == 0) return;
    add(busy_ns_, static_cast<std::uint64_t>(now_ns() - since));
    busy_since_.store(0, std::memory_order_release);
}

void pool_worker::add_to(thread_pool::statistics& total) const noexcept {
    total.jobs += finished(0) + finished(1);
    total.steals += steals_.load(std::memory_order_relaxed);
    total.parks += parks_.load(std::memory_order_relaxed);
    // Again if the worker ran dry in between, or its last stretch would count twice or not at all.
    for (;;) {
        const std::int64_t since = busy_since_.load(std::memory_order_seq_cst);
        const std::uint64_t before = busy_ns_.load(std::memory_order_seq_cst);
        if (busy_since_.load(std::memory_order_seq_cst) != since) continue;
        total.busy += std::chrono::nanoseconds(before);
        if (since != 0) total.busy += std::chrono::nanoseconds(std::max<std::int64_t>(now_ns() - since, 0));
        return;
    }
}

} // namespace tandem::detail
