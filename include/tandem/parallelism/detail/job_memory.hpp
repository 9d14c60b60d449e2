// Memory for the objects that carry a call to a pool: recycled, because one thread makes them and another
// destroys them, which is what general allocators are slowest at. Internal.
#pragma once

#include <cstddef>
#include <new>

namespace tandem::detail {

// Of any size; up to 256 bytes it comes from this thread's stock, which it shares with others in batches.
// Throws std::bad_alloc. `free_job` wants the same size, on any thread.
void* allocate_job(std::size_t size);
void free_job(void* memory, std::size_t size) noexcept;

// Base of what lives in such memory.
class in_job_memory {
public:
    static void* operator new(std::size_t size) { return allocate_job(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { free_job(memory, size); }
    static void* operator new(std::size_t size, std::align_val_t alignment) {
        return ::operator new(size, alignment);
    }
    static void operator delete(void* memory, std::size_t size, std::align_val_t alignment) noexcept {
        ::operator delete(memory, size, alignment);
    }

protected:
    ~in_job_memory() = default;
};

} // namespace tandem::detail
