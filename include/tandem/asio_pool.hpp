// The companion pool in Asio's terms: an executor and an execution context.
//
//     asio::post(pool.get_executor(), [] { compute(); });
//     asio::co_spawn(tandem::asio_context(pool), coroutine(), asio::detached);
//     asio::bind_executor(pool.get_executor(), handler);
//     auto t = tandem::spawn(pool.get_executor(), some_task(), asio::use_future);  // a task on the pool
//
// So an existing Asio program can run its handlers on a work-stealing pool. Handlers run in any order and in
// parallel (asio::make_strand orders them). What a handler throws goes to the pool's exception handler. When
// the pool has stopped, handlers are destroyed without being called, as Asio does; so are those that are
// queued at its end.
#pragma once

#include <tandem/parallelism/thread_pool.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <atomic>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <type_traits>
#include <utility>

namespace tandem {

class pool_context;

// Models Asio's executor requirements. Copies are equal, but for the properties. All members are thread-safe;
// valid as long as the pool.
//
// Properties: `blocking.possibly` (the default: on a worker of the pool a function is run at once, within the
// call) and `blocking.never`; `outstanding_work.tracked` (pool_context::join waits until no such executor is
// left) and `untracked` (the default).
class pool_executor {
public:
    pool_executor(const pool_executor& other) noexcept;
    pool_executor& operator=(const pool_executor& other) noexcept;
    ~pool_executor();

    pool_context& context() const noexcept { return *context_; }
    thread_pool& pool() const noexcept { return *pool_; }
    bool running_in_this_thread() const noexcept { return pool_->on_worker(); }

    template <class F>
        requires std::invocable<std::decay_t<F>&>
    void execute(F&& function) const;

    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept;
    boost::asio::execution::blocking_t query(boost::asio::execution::blocking_t) const noexcept {
        if (never_blocks_) return boost::asio::execution::blocking.never;
        return boost::asio::execution::blocking.possibly;
    }
    boost::asio::execution::outstanding_work_t
    query(boost::asio::execution::outstanding_work_t) const noexcept {
        if (tracked_) return boost::asio::execution::outstanding_work.tracked;
        return boost::asio::execution::outstanding_work.untracked;
    }
    static constexpr boost::asio::execution::mapping_t query(boost::asio::execution::mapping_t) noexcept {
        return boost::asio::execution::mapping.thread;
    }
    std::size_t query(boost::asio::execution::occupancy_t) const noexcept { return pool_->workers(); }

    pool_executor require(boost::asio::execution::blocking_t::never_t) const noexcept {
        return pool_executor(*context_, *pool_, true, tracked_);
    }
    pool_executor require(boost::asio::execution::blocking_t::possibly_t) const noexcept {
        return pool_executor(*context_, *pool_, false, tracked_);
    }
    pool_executor require(boost::asio::execution::outstanding_work_t::tracked_t) const noexcept {
        return pool_executor(*context_, *pool_, never_blocks_, true);
    }
    pool_executor require(boost::asio::execution::outstanding_work_t::untracked_t) const noexcept {
        return pool_executor(*context_, *pool_, never_blocks_, false);
    }

    friend bool operator==(const pool_executor& a, const pool_executor& b) noexcept {
        return a.pool_ == b.pool_ && a.never_blocks_ == b.never_blocks_ && a.tracked_ == b.tracked_;
    }

private:
    friend class pool_context;
    pool_executor(pool_context& context, thread_pool& pool, bool never_blocks, bool tracked) noexcept;

    pool_context* context_;
    thread_pool* pool_;
    bool never_blocks_;
    bool tracked_;
};

// The execution context of a pool: one for each, made when it is first asked for, destroyed with the pool
// after its threads have ended. Asio's services (timers, sockets) of objects on the pool's executor live
// here.
class pool_context : public boost::asio::execution_context {
public:
    using executor_type = pool_executor;

    explicit pool_context(thread_pool& pool) noexcept : pool_(pool) {} // for asio_context
    ~pool_context();

    executor_type get_executor() noexcept { return executor_type(*this, pool_, false, false); }

    // Waits until no work is outstanding: no tracked executor is left (a coroutine of co_spawn, an operation
    // that is under way, have one), and what had been posted has run. Throws std::logic_error on a worker of
    // the pool.
    void join();

private:
    friend class pool_executor;
    void work_started() noexcept;
    void work_finished() noexcept;

    thread_pool& pool_;
    std::atomic<std::size_t> work_{0};
    std::mutex mutex_; // for who waits until there is none
    std::condition_variable none_left_;
};

// The pool's own context. Thread-safe.
pool_context& asio_context(thread_pool& pool);

// Implementation

template <class F>
    requires std::invocable<std::decay_t<F>&>
void pool_executor::execute(F&& function) const {
    if (!never_blocks_ && running_in_this_thread()) {
        std::decay_t<F> called(std::forward<F>(function));
        std::move(called)();
        return;
    }
    try {
        pool_->post([called = std::decay_t<F>(std::forward<F>(function))]() mutable { std::move(called)(); });
    } catch (const pool_stopped&) { // see above
    }
}

static_assert(boost::asio::execution::is_executor<pool_executor>::value);

} // namespace tandem
