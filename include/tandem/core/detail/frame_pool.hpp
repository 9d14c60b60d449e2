// Recycles coroutine frames per thread: a task that is created and destroyed in a loop allocates once.
#pragma once

#include <cstddef>
#include <new>

namespace tandem::detail {

// Blocks are kept in classes of 64 bytes, up to 2 KiB.
inline constexpr std::size_t frame_granularity = 64;
inline constexpr std::size_t frame_classes = 32;

class frame_block {
public:
    explicit frame_block(frame_block* below) noexcept : next(below) {}
    frame_block* next;
};

// Zero-initialised and trivially destructible, so that access needs no guard.
class frame_list {
public:
    frame_block* first = nullptr;
    unsigned room = 0; // for so many more; set by the slow path, 0 where nothing is recycled
};

inline constinit thread_local frame_list frame_lists[frame_classes] = {};

void* allocate_frame_slowly(std::size_t size);
void deallocate_frame_slowly(void* frame, std::size_t size) noexcept;

// Never returns nullptr; throws std::bad_alloc. The memory may be given back on another thread. At most 1,024
// blocks are kept per size class and thread; under AddressSanitizer none, so that it sees every use after
// free.
inline void* allocate_frame(std::size_t size) {
    const std::size_t c = (size - 1) / frame_granularity;
    if (c < frame_classes) [[likely]] {
        frame_list& list = frame_lists[c];
        if (frame_block* const block = list.first) [[likely]] {
            list.first = block->next;
            ++list.room;
            return block;
        }
    }
    return allocate_frame_slowly(size);
}

inline void deallocate_frame(void* frame, std::size_t size) noexcept {
    const std::size_t c = (size - 1) / frame_granularity;
    if (c < frame_classes) [[likely]] {
        frame_list& list = frame_lists[c];
        if (list.room != 0) [[likely]] {
            list.first = ::new (frame) frame_block(list.first);
            --list.room;
            return;
        }
    }
    deallocate_frame_slowly(frame, size);
}

} // namespace tandem::detail
