#include "tandem/asio_pool.hpp"

#include "lib/parallelism/pool_state.hpp"

#include <memory>
#include <mutex>

namespace tandem {

pool_executor::pool_executor(pool_context& context, thread_pool& pool, bool never_blocks,
                             bool tracked) noexcept
    : context_(&context), pool_(&pool), never_blocks_(never_blocks), tracked_(tracked) {
    if (tracked_) context_->work_started();
}

pool_executor::pool_executor(const pool_executor& other) noexcept
    : pool_executor(*other.context_, *other.pool_, other.never_blocks_, other.tracked_) {}

pool_executor& pool_executor::operator=(const pool_executor& other) noexcept {
    if (this == &other) return *this;
    if (other.tracked_) other.context_->work_started(); // first: it may be the same context
    if (tracked_) context_->work_finished();
    context_ = other.context_;
    pool_ = other.pool_;
    never_blocks_ = other.never_blocks_;
    tracked_ = other.tracked_;
    return *this;
}

pool_executor::~pool_executor() {
    if (tracked_) context_->work_finished();
}

boost::asio::execution_context& pool_executor::query(boost::asio::execution::context_t) const noexcept {
    return *context_;
}

// Shut down here, while the members are there that the handlers of the services use.
pool_context::~pool_context() {
    shutdown();
    destroy();
}

void pool_context::work_started() noexcept {
    work_.fetch_add(1, std::memory_order_relaxed);
}

void pool_context::work_finished() noexcept {
    std::size_t seen = work_.load(std::memory_order_relaxed);
    while (seen > 1)
        if (work_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel)) return;
    // The last one, under the lock: when `join` has had it afterwards, nobody is in here any more.
    const std::scoped_lock lock(mutex_);
    if (work_.fetch_sub(1, std::memory_order_acq_rel) == 1) none_left_.notify_all();
}

void pool_context::join() {
    for (;;) {
        pool_.drain(); // refuses on a worker
        {
            std::unique_lock lock(mutex_);
            none_left_.wait(lock, [this] { return work_.load(std::memory_order_acquire) == 0; });
        }
        pool_.drain(); // the last work may have posted something
        const std::scoped_lock lock(mutex_);
        if (work_.load(std::memory_order_acquire) == 0) return;
    }
}

pool_context& asio_context(thread_pool& pool) {
    return detail::pool_state::of(pool).asio_context();
}

pool_executor thread_pool::get_executor() {
    return asio_context(*this).get_executor();
}

namespace detail {

pool_context& pool_state::asio_context() {
    std::call_once(asio_context_made_, [this] { asio_context_ = std::make_shared<pool_context>(owner); });
    return *static_cast<pool_context*>(asio_context_.get());
}

} // namespace detail
} // namespace tandem
