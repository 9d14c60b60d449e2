// The inbox of a scheduler: what other threads have it run. (For its own thread there is a plain
// ready_queue.)
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/core/scheduler.hpp>

#include <atomic>

namespace tandem::detail {

// Many producers push, the loop takes everything at once. A Treiber stack that is only ever emptied whole, so
// there is no ABA problem. Release on push pairs with acquire on take: what the producer did before is seen
// by the node.
class inbox {
public:
    // True when it was empty before.
    bool push(ready_node& node) noexcept {
        ready_node* top = top_.load(std::memory_order_relaxed);
        do {
            node.next = top;
        } while (
            !top_.compare_exchange_weak(top, &node, std::memory_order_seq_cst, std::memory_order_relaxed));
        return top == nullptr;
    }

    bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

    // Moves everything to `queue`, oldest first.
    void take(ready_queue& queue) noexcept {
        if (top_.load(std::memory_order_relaxed) == nullptr) return;
        ready_node* node = top_.exchange(nullptr, std::memory_order_acquire);
        ready_node* oldest = nullptr;
        while (node) {
            ready_node* const below = node->next;
            node->next = oldest;
            oldest = node;
            node = below;
        }
        while (oldest) {
            ready_node* const next = oldest->next;
            queue.push(*oldest);
            oldest = next;
        }
    }

private:
    atomic<ready_node*> top_{nullptr};
};

} // namespace tandem::detail
