// What a scheduler has to run, in order of arrival.
#pragma once

#include <cstddef>

namespace tandem {

// Something to be run once by a scheduler. Intrusive: it lives in its owner (a coroutine frame) and is in at
// most one queue at a time.
class ready_node {
public:
    using action = void (*)(ready_node&) noexcept;
    explicit ready_node(action what) noexcept : run_(what) {}
    ready_node(const ready_node&) = delete;
    ready_node& operator=(const ready_node&) = delete;

    void run() noexcept { run_(*this); }

    // Whether this is a node of that kind; for diagnostics.
    bool does(action what) const noexcept { return run_ == what; }

    ready_node* next; // set and used by the queue that holds the node

private:
    action run_;
};

namespace detail {

// First in, first out; one thread.
class ready_queue {
public:
    bool empty() const noexcept { return first_ == nullptr; }

    void push(ready_node& node) noexcept {
        node.next = nullptr;
        (first_ ? last_->next : first_) = &node;
        last_ = &node;
    }

    ready_node* pop() noexcept {
        ready_node* const node = first_;
        if (node) first_ = node->next;
        return node;
    }

    // The rest is for diagnostics and for tests that choose the order: O(n).
    const ready_node* first() const noexcept { return first_; }
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
        if (last_ == node && before) last_ = before;
        return *node;
    }

private:
    ready_node* first_ = nullptr;
    ready_node* last_; // of a queue that is not empty
};

} // namespace detail
} // namespace tandem
