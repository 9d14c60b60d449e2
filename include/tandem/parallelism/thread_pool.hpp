// A work-stealing pool of threads for computation.
//
// Each worker has a deque of its own: what a job submits goes there and is taken last in, first out (it is
// warm in the cache), while idle workers steal the oldest. What other threads submit goes through one
// injection queue, first in, first out. Every so often a worker takes the oldest job first, so that nothing
// starves behind a job that resubmits itself. A worker without work parks and costs no CPU.
//
// A pool is for computing, not for waiting: a job that blocks (in a lock, a read, `block_on`,
// future::wait_for) takes its worker with it, and when all workers block for what queued jobs are to do, they
// block forever. What the pool itself offers to wait with does not block a worker: in `future::get` and
// `wait`, in parallel_invoke and in the parallel loops it runs other jobs meanwhile.
#pragma once

#include <tandem/parallelism/detail/call.hpp>
#include <tandem/parallelism/detail/job_memory.hpp>
#include <tandem/parallelism/detail/wait_limit.hpp>
#include <tandem/parallelism/future.hpp>
#include <tandem/parallelism/pool_job.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

class pool_executor;

// How a pool is set up: thread_pool_options().workers(4).name("parsers").
class thread_pool_options {
public:
    using exception_handler = std::function<void(std::exception_ptr)>;

    thread_pool_options() {}

    // Number of threads; 0 (the default) means as many as the machine has.
    thread_pool_options& workers(std::size_t count) noexcept {
        workers_ = count;
        return *this;
    }
    // Threads are called "<name>-<index>", cut to the 15 characters that Linux allows. Default "tandem-pool".
    thread_pool_options& name(std::string value) {
        name_ = std::move(value);
        return *this;
    }
    // Worker i runs on processor cpus[i % cpus.size()] only. Default: wherever the system puts it.
    thread_pool_options& cpus(std::vector<int> numbers) {
        cpus_ = std::move(numbers);
        return *this;
    }
    // The workers' nice value, -20 to 19, as of nice(1): 10, say, for a pool that is to leave the processors
    // to everybody else. Less than the process's own wants a privilege. Default: the creator's.
    thread_pool_options& nice(int value) noexcept {
        nice_ = value;
        return *this;
    }
    // Takes what escapes from a posted callable, on the worker, possibly from several at once; it must not
    // throw. The default prints the type and message on stderr and calls std::terminate: an exception is
    // never lost in silence.
    thread_pool_options& on_exception(exception_handler handler) {
        on_exception_ = std::move(handler);
        return *this;
    }

    std::size_t workers() const noexcept { return workers_; }
    const std::string& name() const noexcept { return name_; }
    const std::vector<int>& cpus() const noexcept { return cpus_; }
    std::optional<int> nice() const noexcept { return nice_; }
    const exception_handler& on_exception() const noexcept { return on_exception_; }

private:
    std::size_t workers_ = 0;
    std::string name_ = "tandem-pool";
    std::vector<int> cpus_;
    std::optional<int> nice_;
    exception_handler on_exception_;
};

// All members are thread-safe, but for the destructor. The constructors throw std::system_error when threads
// cannot be started, or not as the options want them.
class thread_pool {
public:
    // Counted since the pool began. Read without stopping anything: figures of different workers may be a
    // moment apart.
    struct statistics {
        std::uint64_t jobs = 0;           // finished
        std::uint64_t steals = 0;         // taken from another worker's deque
        std::uint64_t parks = 0;          // times a worker went to sleep
        std::chrono::nanoseconds busy{0}; // from a worker's first job to running dry, summed over the workers
    };

    explicit thread_pool(std::size_t workers = 0);
    explicit thread_pool(const thread_pool_options& options);
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;
    ~thread_pool(); // stop(); not on one of its own workers (terminates)

    // Queues the job: on this worker's deque when called on a worker of this pool, else on the injection
    // queue. When the pool has stopped, the action is called at once, in here, with dropped == true; on a
    // worker that still runs a job during stop, the job is queued and dropped like those queued before.
    void submit(pool_job& job, pool_priority priority = pool_priority::interactive) noexcept;

    // Takes a queued job back: true when it will not run (the action is not called), false when it runs, has
    // run, was dropped, or sits in a worker's deque. So a job from outside the pool can be removed until it
    // starts; one submitted by a worker never (a deque has no removal): the owner has to wait for its action.
    // The job must be alive.
    bool try_remove(pool_job& job) noexcept;

    // Runs function() some time: fire and forget, move-only callables too, one allocation. A function that
    // takes a std::stop_token gets stop_token(). What it throws goes to the pool's exception handler.
    // Throws pool_stopped when the pool has stopped (not on its own workers, where a post during stop is
    // dropped like those before it).
    template <class F>
        requires detail::callable_on_pool<std::decay_t<F>>
    void post(F&& function);
    template <class F>
        requires detail::callable_on_pool<std::decay_t<F>>
    void post(pool_priority priority, F&& function);

    // Runs function(arguments...), both copied or moved in, and hands over the result or the exception: see
    // future.hpp. A function that takes a std::stop_token first is told through it of future::cancel and of
    // the end of the pool. Function and arguments are destroyed before the future is done. A dropped call's
    // future throws pool_stopped. Throws like post.
    template <class F, class... Args>
        requires(!std::derived_from<std::remove_cvref_t<F>, pool_job> &&
                 detail::callable_on_pool<std::decay_t<F>, std::decay_t<Args>...>)
    [[nodiscard]] future<detail::call_result_t<std::decay_t<F>, std::decay_t<Args>...>>
    submit(F&& function, Args&&... arguments);
    template <class F, class... Args>
        requires detail::callable_on_pool<std::decay_t<F>, std::decay_t<Args>...>
    [[nodiscard]] future<detail::call_result_t<std::decay_t<F>, std::decay_t<Args>...>>
    submit(pool_priority priority, F&& function, Args&&... arguments);

    std::size_t workers() const noexcept;
    statistics stats() const noexcept;

    // Requested when `stop` begins: for jobs that take long.
    std::stop_token stop_token() const noexcept;

    // For Asio: include <tandem/asio_pool.hpp>.
    pool_executor get_executor();

    // Is the calling thread one of this pool's workers? The pool that it works for, or nullptr.
    bool on_worker() const noexcept;
    static thread_pool* current() noexcept;

    // Accepts nothing more, drops what is queued (in the calling thread), asks running calls to stop that
    // take a token, lets them finish, and joins the threads. To run what is queued instead, drain() first.
    // Idempotent; further callers return when the first is done. Throws std::logic_error on one of the pool's
    // own workers.
    void stop();

    // The same, but waits at most `limit`. False: some jobs still run. The pool accepts nothing more all the
    // same; call again to go on waiting, as the destructor will.
    template <class Rep, class Period>
    [[nodiscard]] bool stop_for(std::chrono::duration<Rep, Period> limit) {
        return stop_within(detail::wait_limit(limit));
    }

    // Blocks until everything submitted before the call, and what those jobs submitted in turn, has run (or
    // was removed or dropped). Jobs that others submit meanwhile do not hold it up. Throws std::logic_error
    // on one of the pool's own workers.
    void drain();

    // The same, but waits at most `limit`; false: the time was up.
    template <class Rep, class Period>
    [[nodiscard]] bool drain_for(std::chrono::duration<Rep, Period> limit) {
        return drain_within(detail::wait_limit(limit));
    }

private:
    friend class detail::pool_state;

    template <class F>
    class posted_job;

    bool accept(pool_job& job, pool_priority priority) noexcept; // false: stopped, and the action not called
    [[noreturn]] static void throw_stopped();
    bool stop_within(std::chrono::nanoseconds limit);
    bool drain_within(std::chrono::nanoseconds limit);
    void report(std::exception_ptr error) noexcept;

    std::unique_ptr<detail::pool_state> state_;
};

// Implementation

template <class F>
class thread_pool::posted_job final : public pool_job {
public:
    template <class G>
    posted_job(thread_pool& pool, G&& function)
        : pool_job(&act), pool_(pool), function_(std::forward<G>(function)) {}

    static void* operator new(std::size_t size) { return detail::allocate_job(size); }
    static void operator delete(void* job, std::size_t size) noexcept { detail::deallocate_job(job, size); }
    // For a callable that is over-aligned.
    static void* operator new(std::size_t size, std::align_val_t to) { return ::operator new(size, to); }
    static void operator delete(void* job, std::size_t, std::align_val_t to) noexcept {
        ::operator delete(job, to);
    }

private:
    static void act(pool_job& job, bool dropped) noexcept {
        std::unique_ptr<posted_job> self(static_cast<posted_job*>(&job));
        if (dropped) return;
        try {
            if constexpr (detail::takes_stop_token<F>)
                std::invoke(std::move(self->function_), self->pool_.stop_token());
            else
                std::invoke(std::move(self->function_));
        } catch (...) {
            self->pool_.report(std::current_exception());
        }
    }

    thread_pool& pool_;
    F function_;
};

template <class F>
    requires detail::callable_on_pool<std::decay_t<F>>
void thread_pool::post(pool_priority priority, F&& function) {
    auto job = std::make_unique<posted_job<std::decay_t<F>>>(*this, std::forward<F>(function));
    if (!accept(*job, priority)) throw_stopped();
    static_cast<void>(job.release()); // it deletes itself when it has run or is dropped
}

template <class F>
    requires detail::callable_on_pool<std::decay_t<F>>
void thread_pool::post(F&& function) {
    post(pool_priority::interactive, std::forward<F>(function));
}

template <class F, class... Args>
    requires detail::callable_on_pool<std::decay_t<F>, std::decay_t<Args>...>
future<detail::call_result_t<std::decay_t<F>, std::decay_t<Args>...>>
thread_pool::submit(pool_priority priority, F&& function, Args&&... arguments) {
    using result = detail::call_result_t<std::decay_t<F>, std::decay_t<Args>...>;
    auto* const call = new detail::future_call<result, std::decay_t<F>, std::decay_t<Args>...>(
        *this, std::forward<F>(function), std::forward<Args>(arguments)...);
    future<result> made(call);
    if (!accept(*call, priority)) {
        call->release(); // the pool's share
        throw_stopped();
    }
    return made;
}

template <class F, class... Args>
    requires(!std::derived_from<std::remove_cvref_t<F>, pool_job> &&
             detail::callable_on_pool<std::decay_t<F>, std::decay_t<Args>...>)
future<detail::call_result_t<std::decay_t<F>, std::decay_t<Args>...>>
thread_pool::submit(F&& function, Args&&... arguments) {
    return submit(pool_priority::interactive, std::forward<F>(function), std::forward<Args>(arguments)...);
}

} // namespace tandem
