#include <tandem/core/detail/frame_pool.hpp>

#include "lib/core/address_sanitizer.hpp"

#include <new>

namespace tandem::detail {

#if !TANDEM_ADDRESS_SANITIZER

namespace {

constexpr unsigned most_blocks = 1024;

constinit thread_local bool recycling = false;
constinit thread_local bool reaped = false;

// Empties the lists when the thread ends. Frames that die later still (static destruction) go straight to the
// heap.
class reaper {
public:
    reaper() noexcept {
        recycling = true;
        for (frame_list& list : frame_lists)
            list.room = most_blocks;
    }
    ~reaper() {
        reaped = true;
        for (frame_list& list : frame_lists) {
            list.room = 0;
            while (frame_block* const block = list.first) {
                list.first = block->next;
                ::operator delete(block);
            }
        }
    }
};

} // namespace

void* allocate_frame_slowly(std::size_t size) {
    const std::size_t c = (size - 1) / frame_granularity;
    return ::operator new(c < frame_classes ? (c + 1) * frame_granularity : size);
}

void deallocate_frame_slowly(void* frame, std::size_t size) noexcept {
    if (!recycling && !reaped) {
        thread_local reaper at_thread_end;
        static_cast<void>(at_thread_end);
        deallocate_frame(frame, size); // now there is room
        return;
    }
    ::operator delete(frame);
}

#else

void* allocate_frame_slowly(std::size_t size) {
    return ::operator new(size);
}
void deallocate_frame_slowly(void* frame, std::size_t) noexcept {
    ::operator delete(frame);
}

#endif

} // namespace tandem::detail
