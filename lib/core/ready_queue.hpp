// The two queues of a loop: a plain one for its own thread, and an inbox that any thread may push to.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/core/scheduler.hpp>

#include <atomic>
#include <cstddef>

namespace tandem::detail {

// First in, first out; one thread.
class ready_queue {
public:
    bool empty() const noexcept { return first_ == nullptr; }

    void push(ready_node& node) noexcept {
        node.next = nullptr;
        (last_ ? last_->next : first_) = &node;
        last_ = &node;
    }

    ready_node* pop() noexcept {
        ready_node* const node = first_;
        if (node) {
            first_ = node->next;
            if (!first_) last_ = nullptr;
        }
        return node;
    }

    // The rest is for diagnostics and for tests that choose the order: O(n).
    bool contains(const ready_node& node) const noexcept {
        for (const ready_node* n = first_; n; n = n->next)
            if (n == &node) return true;
        return false;
    }
    std::size_t size() const noexcept {
        std::size_t count = 0;
        for (const ready_node* n = first_; n; n = n->next)
            ++count;
        return count;
    }
    // Takes out the node with this number, counted from the oldest; index < size().
    ready_node& take(std::size_t index) noexcept {
        ready_node* before = nullptr;
        ready_node* node = first_;
        for (; index > 0; --index) {
            before = node;
            node = node->next;
        }
        (before ? before->next : first_) = node->next;
        if (last_ == node) last_ = before;
        return *node;
    }

private:
    ready_node* first_ = nullptr;
    ready_node* last_ = nullptr;
};

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
