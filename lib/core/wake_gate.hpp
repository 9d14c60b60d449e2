// How other threads hand nodes to a loop that may be asleep, and how it falls asleep without missing one.
//
// The loop sets `asleep_`, then looks at its inbox, then blocks; a producer pushes, then looks at `asleep_`
// (all sequentially consistent, so at least one sees the other). Only a producer that clears the flag wakes
// the loop, so a loop that is awake costs its producers no system call.
//
// The gate also counts the threads that are inside of `push`: one that woke the last task may not have left
// it when everything else is over.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>

#include "lib/core/ready_queue.hpp"

#include <atomic>

namespace tandem::detail {

class wake_gate {
public:
    // Any thread. `wake()` is called when the loop has to be woken.
    template <class Wake>
    void push(inbox& to, ready_node& node, Wake wake) noexcept {
        producers_.fetch_add(1, std::memory_order_seq_cst); // before the node can be seen; see `close`
        to.push(node);
        ring(wake);
        producers_.fetch_sub(1, std::memory_order_release); // the last touch
    }

    // Any thread, after it has written what `has_work` looks at (seq_cst).
    template <class Wake>
    void ring(Wake wake) noexcept {
        if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst))
            wake();
    }

    // The loop's thread. True: nothing is there; block, and call `awake` afterwards. False: `has_work()`
    // after all.
    template <class HasWork>
    [[nodiscard]] bool fall_asleep(HasWork has_work) noexcept {
        asleep_.store(true, std::memory_order_seq_cst);
        if (!has_work()) return true;
        awake();
        return false;
    }
    void awake() noexcept { asleep_.store(false, std::memory_order_relaxed); }

    // For a loop that will not run again. Once `quiet()` is true after it, nobody is inside of `wake()` and
    // nobody will be: only who clears the flag wakes, and a producer that cleared it before this was counted
    // before (all sequentially consistent), so `quiet` has seen it.
    void close() noexcept { asleep_.exchange(false, std::memory_order_seq_cst); }

    // False while a producer may still touch the gate. Once no node can come any more, true stays true.
    bool quiet() const noexcept { return producers_.load(std::memory_order_seq_cst) == 0; }

private:
    atomic<bool> asleep_{false};
    atomic<unsigned> producers_{0};
};

} // namespace tandem::detail
