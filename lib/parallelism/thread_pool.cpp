#include "tandem/parallelism/thread_pool.hpp"

#include "lib/parallelism/job_queue.hpp"
#include "lib/parallelism/parking.hpp"
#include "lib/parallelism/spin.hpp"
#include "lib/parallelism/work_deque.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <typeinfo>
#include <vector>

#include <cxxabi.h>
#if defined(__linux__)
#include <pthread.h>
#endif

namespace tandem {
namespace detail {
namespace {

using steady = std::chrono::steady_clock;

thread_local pool_worker* current_worker = nullptr;

// How long a worker that ran dry looks for work before it parks. It grows while looking pays off and shrinks
// when not.
constexpr std::int64_t shortest_search_ns = 4'000;
constexpr std::int64_t longest_search_ns = 64'000;

// Every so many jobs a worker takes the oldest work first: a prime, so that it meets no pattern of the
// program.
constexpr std::uint32_t fairness_period = 61;

// Counts that one thread writes and others read now and then.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

std::int64_t now_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(steady::now().time_since_epoch()).count();
}

void set_thread_name([[maybe_unused]] const std::string& name, [[maybe_unused]] std::size_t index) {
#if defined(__linux__)
    constexpr std::size_t longest = 15;
    const std::string suffix = "-" + std::to_string(index);
    const std::string text = name.substr(0, longest - suffix.size()) + suffix;
    pthread_setname_np(pthread_self(), text.c_str());
#endif
}

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

} // namespace

// One thread of the pool. "Owner" in the comments below is that thread.
class alignas(64) pool_worker {
public:
    pool_worker(pool_state& pool, std::size_t index)
        : pool_(pool), index_(index), random_(0x9E3779B97F4A7C15u * (index + 1)) {}

    pool_state& pool() const noexcept { return pool_; }
    void start(const std::string& name);
    void join() {
        if (thread_.joinable()) thread_.join();
    }

    void submit(pool_job& job) noexcept; // owner
    bool has_work() const noexcept { return !deque_.empty(); }
    pool_job* steal() noexcept { return deque_.steal(); }

    void add_to(thread_pool::statistics& total) const noexcept;
    std::uint64_t submitted(std::uint8_t epoch) const noexcept { return submitted_[epoch].load(); }
    std::uint64_t finished(std::uint8_t epoch) const noexcept { return finished_[epoch].load(); }

private:
    void run(const std::string& name) noexcept;
    void run_job(pool_job& job) noexcept;
    pool_job* next() noexcept;
    pool_job* oldest() noexcept;
    pool_job* steal_from_others() noexcept;
    pool_job* wait_for_job() noexcept;
    pool_job* search() noexcept;
    void begin_busy() noexcept { busy_since_.store(now_ns(), std::memory_order_release); }
    void end_busy() noexcept;

    pool_state& pool_;
    const std::size_t index_;
    work_deque<pool_job> deque_;

    // Owner only.
    alignas(64) std::uint64_t random_;
    std::int64_t search_ns_ = shortest_search_ns;
    std::uint32_t tick_ = 0;
    std::uint8_t epoch_ = 0;   // of the job that runs; what it submits inherits it
    bool owes_notice_ = false; // finished a job that a drain waits for, and has not told it yet

    // Written by the owner, read by others.
    std::array<std::atomic<std::uint64_t>, 2> submitted_{};
    std::array<std::atomic<std::uint64_t>, 2> finished_{};
    std::atomic<std::uint64_t> steals_{0};
    std::atomic<std::uint64_t> parks_{0};
    std::atomic<std::uint64_t> busy_ns_{0};
    std::atomic<std::int64_t> busy_since_{0}; // 0: not busy

    parking::spot spot_;
    std::thread thread_;
};

class pool_state {
public:
    pool_state(thread_pool& owner, const thread_pool_options& options);
    ~pool_state() { stop(); }

    bool accept(pool_job& job) noexcept;
    bool remove(pool_job& job) noexcept;
    void stop();
    void drain();
    thread_pool::statistics stats() const noexcept;

    static void drop(pool_job& job) noexcept { job.action_(job, true); }
    bool has_work() const noexcept;
    bool on_worker() const noexcept { return current_worker != nullptr && &current_worker->pool() == this; }
    bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }

    // A drain waits for this epoch, or 2 when none does.
    std::uint8_t drained_epoch() const noexcept { return drained_.load(std::memory_order_seq_cst); }
    void notify_drain() noexcept;

    thread_pool& owner;
    const thread_pool_options options;
    job_queue injected;
    parking sleepers;
    std::vector<std::unique_ptr<pool_worker>> workers;

private:
    static constexpr std::uint8_t no_epoch = 2;

    void drop_queued() noexcept;
    bool settled(std::uint8_t epoch) noexcept;
    void wait_until_settled(std::uint8_t epoch);

    std::atomic<bool> stopping_{false};
    std::recursive_mutex stop_mutex_; // recursive: an action that is told dropped may call stop() again
    bool stopped_ = false;

    // Two drains at a time would need more than two epochs.
    std::mutex one_drain_;
    std::mutex drain_mutex_;
    std::condition_variable drain_progress_;
    bool all_dropped_ = false; // under drain_mutex_
    std::atomic<std::uint8_t> epoch_{0};
    std::atomic<std::uint8_t> drained_{no_epoch};
};

// Worker

void pool_worker::start(const std::string& name) {
    thread_ = std::thread([this, &name] { run(name); });
}

void pool_worker::submit(pool_job& job) noexcept {
    job.epoch_ = epoch_;
    add(submitted_[epoch_],
        1); // before the job can be seen, so that nobody finds it finished and not submitted
    if (!deque_.push(&job)) pool_.injected.push_counted(job);
    pool_.sleepers.work_added();
}

void pool_worker::run(const std::string& name) noexcept {
    current_worker = this;
    set_thread_name(name, index_);
    while (!pool_.stopping()) {
        pool_job* job = next();
        if (job == nullptr) job = wait_for_job();
        if (job == nullptr) break;
        run_job(*job);
    }
    end_busy();
    current_worker = nullptr;
}

void pool_worker::run_job(pool_job& job) noexcept {
    const std::uint8_t epoch = job.epoch_;
    epoch_ = epoch;
    if (owes_notice_ && pool_.drained_epoch() != epoch) {
        owes_notice_ = false;
        pool_.notify_drain();
    }
    if (busy_since_.load(std::memory_order_relaxed) == 0) begin_busy();
    job.action_(job, false);
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
    if (pool_job* job = pool_.injected.pop()) return job;
    return steal_from_others();
}

// The injection queue and this deque's far end in turn: neither may keep the other from its turn.
pool_job* pool_worker::oldest() noexcept {
    if (tick_ / fairness_period % 2 == 0)
        if (pool_job* job = deque_.steal()) return job;
    if (pool_job* job = pool_.injected.pop()) return job;
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
    bool searching = pool_.sleepers.begin_search();
    for (;;) {
        if (searching) {
            if (pool_job* job = search()) {
                if (pool_.sleepers.end_search() && pool_.has_work()) pool_.sleepers.work_added();
                return job;
            }
        }
        if (pool_.stopping()) return nullptr;
        add(parks_, 1);
        pool_.sleepers.park(spot_, searching, [this] { return pool_.has_work(); });
        searching = true;
    }
}

pool_job* pool_worker::search() noexcept {
    const std::int64_t deadline = now_ns() + search_ns_;
    for (unsigned round = 0; !pool_.stopping(); ++round) {
        if (pool_job* job = next()) {
            if (round > 0) search_ns_ = std::min(search_ns_ * 2, longest_search_ns);
            return job;
        }
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
    search_ns_ = std::max(search_ns_ / 2, shortest_search_ns);
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

// Pool

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
    { const std::scoped_lock lock(drain_mutex_); } // a drain is before its look at the counts, or asleep
    drain_progress_.notify_all();
}

} // namespace detail

namespace {

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
    throw std::runtime_error("thread_pool: submit after stop");
}

void thread_pool::report(std::exception_ptr error) noexcept {
    const auto& handler = state_->options.on_exception();
    if (!handler) detail::die_of(error);
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
