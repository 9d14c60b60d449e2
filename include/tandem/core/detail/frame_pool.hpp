// Recycles coroutine frames per thread: a task that is created and destroyed in a loop allocates once.
#pragma once

#include <cstddef>

namespace tandem::detail {

// Never returns nullptr; throws std::bad_alloc. The memory may be given back on another thread. Sizes up to 2
// KiB are recycled, at most 1,024 blocks per size class and thread; under AddressSanitizer nothing is, so
// that it sees every use after free.
void* allocate_frame(std::size_t size);
void deallocate_frame(void* frame, std::size_t size) noexcept;

} // namespace tandem::detail
