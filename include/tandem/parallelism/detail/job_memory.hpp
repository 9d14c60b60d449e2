// Memory for posted jobs, which one thread allocates and another frees.
#pragma once

#include <cstddef>

namespace tandem::detail {

// Throws std::bad_alloc. May be given back on any thread, with the same size.
void* allocate_job(std::size_t size);
void deallocate_job(void* job, std::size_t size) noexcept;

} // namespace tandem::detail
