// What the queues of several channels know of one `select` that stands in all of them.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstddef>
#include <mutex>

namespace tandem::detail {

// Decided once: by the first who claims it for one of its cases, or for its cancellation.
class selection {
public:
    static constexpr int open = -1;
    static constexpr int cancelled = -2;

    selection() noexcept {}
    selection(const selection&) = delete;
    selection& operator=(const selection&) = delete;

    bool claim(int outcome) noexcept {
        int expected = open;
        return chosen_.compare_exchange_strong(expected, outcome);
    }
    int chosen() const noexcept { return chosen_.load(); }

private:
    atomic<int> chosen_{open};
};

// Who stands in a queue of a channel: an operation of its own, or one case of a `select`.
class channel_waiter : public queued_operation {
public:
    channel_waiter(task_context& context, short_lock& guard) noexcept : queued_operation(context, guard) {}
    channel_waiter(task_context& context, short_lock& guard, selection& of, int index) noexcept
        : queued_operation(context, guard), selection_(&of), case_(index) {}

    // Under the lock. False: its `select` was decided elsewhere, and this waiter means nothing any more.
    bool claim() noexcept { return !selection_ || selection_->claim(case_); }

    // For a `select`: out of the queue, if it still stands there.
    void leave() noexcept {
        const std::lock_guard lock(guard());
        if (linked()) list()->remove(*this);
    }

private:
    selection* selection_ = nullptr;
    int case_ = 0;
};

// Where a `select` looks first: a number below `cases` (> 0), at random.
std::size_t random_case(std::size_t cases) noexcept;

// Locks the mutexes of several channels, each once, in the order of their addresses. `locks` is reordered.
class lock_all {
public:
    lock_all(short_lock** locks, std::size_t count) noexcept;
    ~lock_all();
    lock_all(const lock_all&) = delete;
    lock_all& operator=(const lock_all&) = delete;

private:
    short_lock** locks_;
    std::size_t count_;
};

} // namespace tandem::detail
