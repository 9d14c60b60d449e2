// A library to preload: counts the allocations of a program, and writes their number into the file that
// BENCH_MALLOC_COUNT names when the program ends.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

static std::atomic<unsigned long> allocations{0};

static void note() {
    allocations.fetch_add(1, std::memory_order_relaxed);
}

void* malloc(std::size_t size) noexcept {
    note();
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
    note();
    return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
    note();
    return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    note();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
    note();
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

__attribute__((destructor)) static void write_count() {
    const char* const name = std::getenv("BENCH_MALLOC_COUNT");
    if (!name) return;
    const unsigned long seen = allocations.load();
    if (std::FILE* const file = std::fopen(name, "w")) {
        std::fprintf(file, "%lu\n", seen);
        std::fclose(file);
    }
}
}
