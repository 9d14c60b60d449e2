// Memory that lives somewhere, as an allocator: what Asio asks a handler for.
#pragma once

#include <cstddef>

namespace tandem::detail {

// Memory: `void* allocate(std::size_t)`, and `deallocate(void*)`; it outlives what is allocated.
template <class T, class Memory>
class memory_allocator {
public:
    using value_type = T;

    explicit memory_allocator(Memory& memory) noexcept : memory_(&memory) {}
    template <class U>
    memory_allocator(const memory_allocator<U, Memory>& other) noexcept : memory_(&other.memory()) {}

    T* allocate(std::size_t n) { return static_cast<T*>(memory_->allocate(n * sizeof(T))); }
    void deallocate(T* memory, std::size_t) noexcept { memory_->deallocate(memory); }

    template <class U>
    friend bool operator==(const memory_allocator& a, const memory_allocator<U, Memory>& b) noexcept {
        return &a.memory() == &b.memory();
    }

    Memory& memory() const noexcept { return *memory_; }

private:
    Memory* memory_;
};

} // namespace tandem::detail
