// as_completed, for futures: the calls of a pool in the order in which they end.
//
//     std::vector<tandem::future<page>> futures;
//     for (const auto& file : files) futures.push_back(pool.submit(parse, file));
//     for (auto& parsed : as_completed(std::move(futures)))
//         index.add(files[parsed.index()], parsed.get());     // throws what that call threw
//
// For threads and for calls on a pool, which run other work while they wait. In a task use the as_completed
// of tasks (tandem/concurrency/as_completed.hpp). One thread at a time.
//
// Leaving the loop early destroys the futures that are left: their calls run on. To end them, `cancel` them
// first, or do not move the futures in but keep them and use `wait_all`.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/parallelism/future.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace tandem {

namespace detail {

// Those that have ended, in that order. What does not depend on the type.
class ended_queue {
public:
    explicit ended_queue(std::size_t most) : nodes_(std::make_unique<node[]>(most)) {}
    ended_queue(const ended_queue&) = delete;
    ended_queue& operator=(const ended_queue&) = delete;
    ~ended_queue();

    void add(future_state_base& state, std::size_t index) noexcept;
    std::size_t remaining() const noexcept { return remaining_; }

    // The index of the next one that has ended; waits for it. Only while some remain.
    std::size_t next();

    // Cancels those that have not ended.
    void cancel() noexcept;

private:
    class node : public completion_listener {
    public:
        node() noexcept : completion_listener(&ended_queue::on_end) {}
        ended_queue* owner = nullptr;
        future_state_base* state = nullptr; // null once its future was handed out
        std::size_t index = 0;
        node* next = nullptr;
        bool told = false;
    };

    static void on_end(completion_listener& listener) noexcept;
    void ended(node& which) noexcept;
    node* pop(completion_flag& arrival) noexcept;
    void run_one_here() noexcept;

    std::unique_ptr<node[]> nodes_;
    std::size_t count_ = 0;
    std::size_t remaining_ = 0;
    short_lock mutex_; // for those that follow, and told
    node* first_ = nullptr;
    node* last_ = nullptr;
    completion_flag* arrival_ = nullptr;
};

} // namespace detail

// A future that is done, and its place among those given to as_completed.
template <class R>
class completed_future : public future<R> {
public:
    completed_future(std::size_t index, future<R> done) noexcept
        : future<R>(std::move(done)), index_(index) {}
    std::size_t index() const noexcept { return index_; }

private:
    std::size_t index_;
};

template <class R>
class completed_futures {
public:
    explicit completed_futures(std::vector<future<R>> futures)
        : futures_(std::move(futures)), queue_(futures_.size()) {
        for (std::size_t i = 0; i < futures_.size(); ++i)
            if (futures_[i].valid()) queue_.add(*detail::future_access::state(futures_[i]), i);
    }

    // Waits for the next call to end; empty after the last. Throws std::logic_error on a loop's thread.
    std::optional<completed_future<R>> next() {
        if (queue_.remaining() == 0) return std::nullopt;
        const std::size_t i = queue_.next();
        return completed_future<R>(i, std::move(futures_[i]));
    }

    // Futures that were not handed out.
    std::size_t remaining() const noexcept { return queue_.remaining(); }

    // `future::cancel` for all of them. They are still handed out.
    void cancel() noexcept { queue_.cancel(); }

    class iterator {
    public:
        using value_type = completed_future<R>;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept = default;
        explicit iterator(completed_futures& from) : from_(&from) {}
        completed_future<R>& operator*() const noexcept { return *from_->current_; }
        completed_future<R>* operator->() const noexcept { return &*from_->current_; }
        iterator& operator++() {
            from_->current_ = from_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !from_->current_; }

    private:
        completed_futures* from_ = nullptr;
    };
    // An input range, to be gone through once.
    iterator begin() {
        current_ = next();
        return iterator(*this);
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::vector<future<R>> futures_; // before the queue, which refers to them
    detail::ended_queue queue_;
    std::optional<completed_future<R>> current_;
};

template <class R>
[[nodiscard]] completed_futures<R> as_completed(std::vector<future<R>> futures) {
    return completed_futures<R>(std::move(futures));
}

} // namespace tandem
