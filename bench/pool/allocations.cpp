#include "bench/pool/cases.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> count{0};

void note_allocation() noexcept {
    if (counting.load(std::memory_order_relaxed)) count.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

void* operator new(std::size_t size) {
    note_allocation();
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

// Asio takes the frames of its coroutines from here.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    note_allocation();
    void* memory = nullptr;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}

void bench::count_allocations(bool on) noexcept {
    counting.store(on);
}
std::uint64_t bench::allocations() noexcept {
    return count.load(std::memory_order_relaxed);
}
