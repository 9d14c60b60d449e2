// Fork-join on the workers of a pool; see detail/fork_stack.hpp for the fast path.
//
// Why waiting cannot deadlock: a stack's upper frames began after its lower ones, and a job that was forked
// begins after its parent. So whatever a job waits for (the frames above it, its forks on other stacks) began
// later than itself, and the waits form no cycle. This needs no worker to help while it waits; a worker may
// stop doing so when its stack is high. (Waiting for futures is not so disciplined: future.hpp names what
// not to do.)
#include "tandem/parallelism/detail/fork_stack.hpp"

#include "lib/parallelism/pool_state.hpp"
#include "lib/parallelism/spin.hpp"

#include <tandem/core/scheduler.hpp>

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace tandem::detail {
namespace {

// A worker whose stack is higher than this takes no further work on top of what waits there.
constexpr std::uintptr_t highest_helping_stack = 512 * 1024;

// How many looks a join takes before it counts as idle.
constexpr int patience = 64;

// Every so many jobs a join takes the oldest of its deque: a job that submits itself again would otherwise
// lie above the one that is waited for, forever.
constexpr unsigned oldest_period = 8;

} // namespace

void join_point::complete() noexcept {
    pool_worker* const owner = owner_; // once done, this may be gone; its owner is not, nor their pool
    if (state_.exchange(done, std::memory_order_seq_cst) == awaited) owner->wake_from_join();
}

void fork_stack::offer() noexcept {
    static_cast<pool_worker&>(*this).offer_forks();
}
bool fork_stack::join(fork_job& job) noexcept {
    return static_cast<pool_worker&>(*this).join_fork(job);
}

// Cleared before the look at the deque: whoever steals in between sets it after. (Both sides seq_cst: the
// thief advances the deque's top and then sets; a look that misses the theft comes before both.)
void pool_worker::offer_forks() noexcept {
    const auto enough = static_cast<std::int64_t>(workers_ - 1);
    hungry_.store(false, std::memory_order_seq_cst);
    while (deque_.size() < enough) {
        if (oldest_ == nullptr || !offer_oldest()) {
            hungry_.store(true, std::memory_order_relaxed);
            return;
        }
    }
}

bool pool_worker::offer_oldest() noexcept {
    fork_job& job = *oldest_;
    fork_job* const next = &job == newest_ ? nullptr : job.newer_; // beyond the newest there may be garbage
    job.owner_ = this;
    job.state_.store(fork_job::pending, std::memory_order_relaxed);
    job.epoch_ = epoch_;
    job.index_ = deque_.next_index();
    add(submitted_[epoch_], 1);
    if (!deque_.push(&job)) { // no memory: it stays private
        add(submitted_[epoch_], static_cast<std::uint64_t>(-1));
        return false;
    }
    oldest_ = next;
    if (next == nullptr) newest_ = nullptr;
    pool_.sleepers.work_added();
    return true;
}

// True: another worker has run it. The private list is empty here: everything in it is older.
bool pool_worker::join_fork(fork_job& job) noexcept {
    // Still in there, unless this worker has run it while it waited for something else.
    for (unsigned turn = 1; deque_.top() <= job.index_ && !job.is_done(); ++turn) {
        pool_job* const other = turn % oldest_period == 0 ? deque_.steal() : deque_.pop();
        hungry_.store(true, std::memory_order_relaxed);
        if (other == &job) {
            add(finished_[job.epoch_], 1); // no drain needs a notice: the job that forked still runs
            return false;
        }
        if (other != nullptr) help(*other);
    }
    for (int i = 0; i < patience; ++i) {
        if (job.is_done()) return true;
        cpu_relax();
    }
    wait_for(job);
    return true;
}

void pool_worker::work_until_done(completion_flag& flag) noexcept {
    class listener final : public completion_listener, public join_point {
    public:
        explicit listener(pool_worker& owner) noexcept
            : completion_listener(&listener::tell), join_point(owner), pool_(owner.pool()) {}

    private:
        // Perhaps on a thread of another pool, which this one's end would not wait for: the worker that is
        // told may see it before it is woken.
        static void tell(completion_listener& self) noexcept {
            auto& here = static_cast<listener&>(self);
            pool_state& pool = here.pool_;
            pool.foreign_wakers.fetch_add(1, std::memory_order_relaxed);
            here.complete();
            pool.foreign_wakers.fetch_sub(1, std::memory_order_release); // the last touch
        }
        pool_state& pool_;
    } here(*this);
    if (!flag.listen(here)) return;
    while (oldest_ != nullptr && offer_oldest()) { // nobody else sees them while this worker waits
    }
    wait_for(here);
}

void pool_worker::wait_for(join_point& end) noexcept {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    const std::uintptr_t height = here < stack_base_ ? stack_base_ - here : here - stack_base_;
    if (height < highest_helping_stack) work_until_done(end);
    sleep_until_done(end);
}

// Runs a job on top of the one that waits.
void pool_worker::help(pool_job& job) noexcept {
    const std::uint8_t epoch = epoch_;
    run_job(job);
    epoch_ = epoch;
    if (owes_notice_ && pool_.drained_epoch() != epoch) {
        owes_notice_ = false;
        pool_.notify_drain();
    }
}

// Returns when it is done, or when the pool stops and only running jobs can bring the end.
void pool_worker::work_until_done(join_point& end) noexcept {
    bool searching = false;
    while (!end.is_done()) {
        if (pool_.stopping()) {
            drop_until_done(end);
            break;
        }
        pool_job* found = searching ? nullptr : deque_.pop();
        if (found == nullptr) {
            if (!searching) searching = pool_.sleepers.begin_search();
            if (searching) found = search(&end);
        }
        if (found != nullptr) {
            if (std::exchange(searching, false)) leave_search();
            help(*found);
            continue;
        }
        if (end.is_done()) break;
        auto expected = join_point::pending;
        if (!end.state_.compare_exchange_strong(expected, join_point::awaited)) break;
        add(parks_, 1);
        end_busy();
        pool_.sleepers.park(spot_, searching, [&] { return end.is_done() || pool_.has_work(); });
        begin_busy();
        searching = true; // who is woken counts as searching
        expected = join_point::awaited;
        end.state_.compare_exchange_strong(expected, join_point::pending);
    }
    if (searching) leave_search();
}

// The pool stops, and what is waited for may be queued: then it is dropped here, for stop() waits for this
// worker.
void pool_worker::drop_until_done(join_point& end) noexcept {
    while (!end.is_done() && pool_.has_work())
        if (pool_job* const job = next()) pool_state::drop(*job);
}

void pool_worker::leave_search() noexcept {
    if (pool_.sleepers.end_search() && pool_.has_work()) pool_.sleepers.work_added();
}

void pool_worker::sleep_until_done(join_point& end) noexcept {
    auto expected = join_point::pending;
    if (!end.state_.compare_exchange_strong(expected, join_point::awaited)) return;
    add(parks_, 1);
    end_busy();
    pool_.sleepers.sleep(spot_, [&] { return end.is_done(); });
    begin_busy();
}

void pool_worker::wake_from_join() noexcept {
    pool_.sleepers.wake(spot_);
}

void blocking_call::run_on(thread_pool& pool) {
    if (current_scheduler != nullptr && current_forks == nullptr)
        throw std::logic_error(
            "a blocking parallel call would block the loop; co_await the awaitable form (or offload)");
    short_condition condition;
    waiter_ = &condition;
    pool.submit(*this);
    {
        std::unique_lock lock(mutex_);
        while (!done_)
            condition.wait(lock);
    }
    if (dropped_) throw pool_stopped("thread_pool: a parallel call after stop");
    if (failure_) std::rethrow_exception(std::move(failure_));
}

void blocking_call::act(pool_job& job, bool dropped) noexcept {
    auto& self = static_cast<blocking_call&>(job);
    self.dropped_ = dropped;
    if (!dropped) {
        try {
            self.function_(self, *current_forks);
        } catch (...) {
            self.failure_ = std::current_exception();
        }
    }
    // Told under the lock: the caller, and with it the condition, cannot be gone before.
    const std::scoped_lock lock(self.mutex_);
    self.done_ = true;
    static_cast<short_condition*>(self.waiter_)->notify_one();
}

} // namespace tandem::detail
