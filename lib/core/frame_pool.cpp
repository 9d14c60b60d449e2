#include <tandem/core/detail/frame_pool.hpp>

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define TANDEM_RECYCLE_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TANDEM_RECYCLE_FRAMES 0
#endif
#endif
#ifndef TANDEM_RECYCLE_FRAMES
#define TANDEM_RECYCLE_FRAMES 1
#endif

namespace tandem::detail {

#if TANDEM_RECYCLE_FRAMES

namespace {

constexpr std::size_t granularity = 64;
constexpr std::size_t classes = 32; // up to 2 KiB
constexpr unsigned most_blocks = 1024;

struct block {
    block* next;
};

struct free_list {
    block* first;
    unsigned count;
};

// Zero-initialised and trivially destructible, so that access needs no guard. The reaper below empties it
// when the thread ends; frames that die later still (static destruction) go straight to the heap.
constinit thread_local free_list lists[classes] = {};
constinit thread_local bool reaped = false;
constinit thread_local bool reaper_made = false;

class reaper {
public:
    reaper() noexcept { reaper_made = true; }
    ~reaper() {
        reaped = true;
        for (free_list& list : lists) {
            while (block* b = list.first) {
                list.first = b->next;
                ::operator delete(b);
            }
            list.count = 0;
        }
    }
};

std::size_t class_of(std::size_t size) noexcept {
    return (size - 1) / granularity;
}

} // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t c = class_of(size);
    if (c >= classes) return ::operator new(size);
    free_list& list = lists[c];
    if (block* b = list.first) {
        list.first = b->next;
        --list.count;
        return b;
    }
    return ::operator new((c + 1) * granularity);
}

void deallocate_frame(void* frame, std::size_t size) noexcept {
    const std::size_t c = class_of(size);
    if (c < classes && !reaped) {
        if (!reaper_made) {
            thread_local reaper at_thread_end;
            static_cast<void>(at_thread_end);
        }
        free_list& list = lists[c];
        if (list.count < most_blocks) {
            list.first = ::new (frame) block{list.first};
            ++list.count;
            return;
        }
    }
    ::operator delete(frame);
}

#else

void* allocate_frame(std::size_t size) {
    return ::operator new(size);
}
void deallocate_frame(void* frame, std::size_t) noexcept {
    ::operator delete(frame);
}

#endif

} // namespace tandem::detail
