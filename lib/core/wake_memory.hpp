// The memory of the handler that wakes a loop. One is on its way at a time as a rule, so it finds its place
// in the loop, and a wake-up allocates nothing. Any thread may allocate; whoever runs or drops the handler
// gives back.
#pragma once

#include <tandem/core/detail/memory_allocator.hpp>

#include <atomic>
#include <cstddef>
#include <new>

namespace tandem::detail {

class wake_memory {
public:
    wake_memory() = default;
    wake_memory(const wake_memory&) = delete;
    wake_memory& operator=(const wake_memory&) = delete;

    // Acquire and release: the new owner writes after the last one has read.
    void* allocate(std::size_t size) {
        if (size <= sizeof(storage_) && !used_.exchange(true, std::memory_order_acquire)) return storage_;
        return ::operator new(size);
    }
    void deallocate(void* memory) noexcept {
        if (memory == storage_)
            used_.store(false, std::memory_order_release);
        else
            ::operator delete(memory);
    }

private:
    alignas(std::max_align_t) unsigned char storage_[128];
    std::atomic<bool> used_{false};
};

template <class T>
using wake_allocator = memory_allocator<T, wake_memory>;

} // namespace tandem::detail
