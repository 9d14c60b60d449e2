// A first in, first out buffer that grows by doubling and then reuses its memory.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace tandem::detail {

template <class T>
class ring {
public:
    ring() = default;
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() { release(); }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    // Allocates when it is full; then all items are moved (those whose move may throw are copied if they can
    // be). When anything throws the ring is as before, and so is `value` unless its own move broke it.
    void push(T&& value) {
        if (size_ == allocated_) grow();
        std::construct_at(place(size_), std::move(value));
        ++size_;
    }

    // Moves the oldest item into `into`; not empty. When that throws the item stays.
    void pop(std::optional<T>& into) {
        into.emplace(std::move(*place(0)));
        std::destroy_at(place(0));
        first_ = (first_ + 1) & (allocated_ - 1);
        --size_;
    }

private:
    T* place(std::size_t index) noexcept { return items_ + ((first_ + index) & (allocated_ - 1)); }

    void grow() {
        const std::size_t larger = allocated_ == 0 ? 8 : allocated_ * 2; // a power of two
        std::allocator<T> allocator;
        T* const items = allocator.allocate(larger);
        std::size_t moved = 0;
        try {
            for (; moved < size_; ++moved)
                std::construct_at(items + moved, std::move_if_noexcept(*place(moved)));
        } catch (...) {
            std::destroy_n(items, moved);
            allocator.deallocate(items, larger);
            throw;
        }
        const std::size_t size = size_;
        release();
        items_ = items;
        allocated_ = larger;
        size_ = size;
    }

    void release() noexcept {
        for (std::size_t i = 0; i < size_; ++i)
            std::destroy_at(place(i));
        if (items_) std::allocator<T>().deallocate(items_, allocated_);
        items_ = nullptr;
        allocated_ = first_ = size_ = 0;
    }

    T* items_ = nullptr;
    std::size_t allocated_ = 0;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

} // namespace tandem::detail
