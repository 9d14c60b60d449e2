// The program's operator delete, and the frames of tasks: see memory.hpp.
#include "tests/interleaving/memory.hpp"

#include "tests/interleaving/explorer.hpp"

#include <tandem/core/detail/frame_pool.hpp>

#include <cstdlib>
#include <cstring>
#include <new>

#include <malloc.h>

namespace explore {
namespace {

// Not a vector: its memory would come back here.
void** kept = nullptr;
std::size_t count = 0;
std::size_t capacity = 0;

void keep(void* memory) noexcept {
    if (count == capacity) {
        capacity = capacity * 2 + 64;
        kept = static_cast<void**>(std::realloc(kept, capacity * sizeof(void*)));
        if (!kept) std::abort();
    }
    kept[count++] = memory;
}

void* allocate(std::size_t size, std::size_t alignment) {
    size = (size == 0 ? alignment : size);
    size = (size + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, size);
    if (!memory) throw std::bad_alloc();
    return memory;
}

void release(void* memory) noexcept {
    if (!memory) return;
    if (!detail::running()) {
        std::free(memory);
        return;
    }
    std::memset(memory, 0xDD, malloc_usable_size(memory));
    keep(memory);
}

} // namespace

void release_quarantine() noexcept {
    while (count > 0)
        std::free(kept[--count]);
}

} // namespace explore

void* operator new(std::size_t size) {
    return explore::allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return explore::allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    explore::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    explore::release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    explore::release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    explore::release(memory);
}

namespace tandem::detail {

// In place of lib/core/frame_pool.cpp, which would use a frame again at once.
void* allocate_frame_slowly(std::size_t size) {
    return ::operator new(size);
}
void deallocate_frame_slowly(void* frame, std::size_t size) noexcept {
    ::operator delete(frame, size);
}

} // namespace tandem::detail
