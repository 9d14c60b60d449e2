// Blocks travel in magazines of 64 (Bonwick and Adams, "Magazines and Vmem", 2001): a thread that frees fills
// one, one that allocates empties one, and they are exchanged at a depot, 64 blocks for one lock.
// The heap takes its lock for each block that another thread has allocated.
#include "tandem/parallelism/detail/job_memory.hpp"

#include "lib/core/address_sanitizer.hpp"
#include "lib/parallelism/spin.hpp"

#include <array>
#include <cstddef>
#include <mutex>
#include <new>
#include <utility>

namespace tandem::detail {

#if !TANDEM_ADDRESS_SANITIZER

namespace {

// With the heap's header they fill its size classes: a call without captures, one with up to two words.
constexpr std::array<std::size_t, 2> sizes = {40, 56};
constexpr std::size_t magazine_size = 64;
constexpr std::size_t most_kept = 256; // magazines at a depot: 16,384 blocks, about 1 MiB

class magazine {
public:
    bool empty() const noexcept { return count == 0; }
    bool full() const noexcept { return count == magazine_size; }
    void* pop() noexcept { return slots[--count]; }
    void push(void* block) noexcept { slots[count++] = block; }
    void release_all() noexcept {
        while (!empty())
            ::operator delete(pop());
    }

    magazine* next = nullptr;
    std::size_t count = 0;
    std::array<void*, magazine_size> slots{};
};

// Trivially destructible: threads may end after everything else.
class depot {
public:
    magazine* take_filled() noexcept {
        const auto lock = lock_briefly(mutex_);
        if (filled_ != nullptr) --kept_;
        return take(filled_);
    }
    magazine* take_empty() noexcept {
        const auto lock = lock_briefly(mutex_);
        return take(empty_);
    }
    void give(magazine& m) noexcept {
        std::unique_lock lock = lock_briefly(mutex_);
        if (!m.empty() && kept_ >= most_kept) {
            lock.unlock();
            m.release_all();
            lock.lock();
        }
        if (!m.empty()) ++kept_;
        magazine*& list = m.empty() ? empty_ : filled_;
        m.next = std::exchange(list, &m);
    }

private:
    static magazine* take(magazine*& list) noexcept {
        magazine* const first = list;
        if (first != nullptr) list = first->next;
        return first;
    }

    short_lock mutex_;
    magazine* filled_ = nullptr;
    magazine* empty_ = nullptr;
    std::size_t kept_ = 0; // in filled_
};

constinit std::array<depot, sizes.size()> depots;

// What a thread has of each size: one to work with, and one before, so that a thread that allocates and frees
// in turn does not go to the depot each time.
class job_cache {
public:
    magazine* loaded = nullptr;
    magazine* previous = nullptr;
};

constinit thread_local std::array<job_cache, sizes.size()> caches;
constinit thread_local bool ended = false; // the thread's caches have gone

class reaper {
public:
    reaper() noexcept {}
    ~reaper() {
        ended = true;
        for (std::size_t c = 0; c < sizes.size(); ++c)
            for (magazine* const m :
                 {std::exchange(caches[c].loaded, nullptr), std::exchange(caches[c].previous, nullptr)})
                if (m != nullptr) depots[c].give(*m);
    }
};

void reap_at_thread_end() {
    thread_local reaper at_thread_end;
    static_cast<void>(at_thread_end);
}

std::size_t class_of(std::size_t size) noexcept {
    std::size_t c = 0;
    while (c < sizes.size() && sizes[c] < size)
        ++c;
    return c;
}

void* allocate_slowly(std::size_t c) {
    if (!ended) {
        job_cache& mine = caches[c];
        if (mine.previous != nullptr && !mine.previous->empty()) {
            std::swap(mine.loaded, mine.previous);
            return mine.loaded->pop();
        }
        if (magazine* const filled = depots[c].take_filled()) {
            reap_at_thread_end();
            if (mine.previous != nullptr) depots[c].give(*mine.previous);
            mine.previous = std::exchange(mine.loaded, filled);
            return filled->pop();
        }
    }
    return ::operator new(sizes[c]);
}

void deallocate_slowly(void* block, std::size_t c) noexcept {
    job_cache& mine = caches[c];
    if (!ended && mine.previous != nullptr && !mine.previous->full()) {
        std::swap(mine.loaded, mine.previous);
        return mine.loaded->push(block);
    }
    magazine* fresh = nullptr;
    if (!ended) {
        fresh = depots[c].take_empty();
        if (fresh == nullptr) fresh = new (std::nothrow) magazine;
    }
    if (fresh == nullptr) return ::operator delete(block);
    reap_at_thread_end();
    if (mine.previous != nullptr) depots[c].give(*mine.previous);
    mine.previous = std::exchange(mine.loaded, fresh);
    fresh->push(block);
}

} // namespace

void* allocate_job(std::size_t size) {
    const std::size_t c = class_of(size);
    if (c == sizes.size()) return ::operator new(size);
    magazine* const loaded = caches[c].loaded;
    if (loaded != nullptr && !loaded->empty()) [[likely]]
        return loaded->pop();
    return allocate_slowly(c);
}

void deallocate_job(void* job, std::size_t size) noexcept {
    const std::size_t c = class_of(size);
    if (c == sizes.size()) return ::operator delete(job);
    magazine* const loaded = caches[c].loaded;
    if (loaded != nullptr && !loaded->full()) [[likely]]
        return loaded->push(job);
    deallocate_slowly(job, c);
}

#else

void* allocate_job(std::size_t size) {
    return ::operator new(size);
}
void deallocate_job(void* job, std::size_t) noexcept {
    ::operator delete(job);
}

#endif

} // namespace tandem::detail
