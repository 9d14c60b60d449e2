// After J. Bonwick and J. Adams, "Magazines and vmem" (USENIX 2001): a thread works with two magazines, lists
// of blocks of one size, of which one is full or empty at most. Only when both are empty (it allocates) or
// full (it frees) it exchanges one with the depot, under a lock: once in `magazine_size` times.
#include "tandem/parallelism/detail/job_memory.hpp"

#include <array>
#include <mutex>
#include <utility>
#include <vector>

// Sanitizers look at each allocation by itself: they are not to be misled.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TANDEM_RECYCLE_JOBS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TANDEM_RECYCLE_JOBS 0
#endif
#endif
#ifndef TANDEM_RECYCLE_JOBS
#define TANDEM_RECYCLE_JOBS 1
#endif

namespace tandem::detail {

#if TANDEM_RECYCLE_JOBS

namespace {

constexpr std::size_t granularity = 64; // a cache line: neighbours may be in use by other threads
constexpr std::size_t classes = 4;
constexpr std::size_t magazine_size = 64;
constexpr std::size_t most_in_depot = 64; // magazines of each class: a megabyte at most

class block {
public:
    block* next;
};

class magazine {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    bool full() const noexcept { return count_ == magazine_size; }
    void put(void* memory) noexcept {
        first_ = new (memory) block{first_};
        ++count_;
    }
    void* take() noexcept {
        --count_;
        return std::exchange(first_, first_->next);
    }

private:
    block* first_ = nullptr;
    std::size_t count_ = 0;
};

void* new_block(std::size_t size_class) {
    return ::operator new((size_class + 1) * granularity, std::align_val_t(granularity));
}
void delete_block(void* memory) noexcept {
    ::operator delete(memory, std::align_val_t(granularity));
}
void empty_out(magazine& blocks) noexcept {
    while (!blocks.empty())
        delete_block(blocks.take());
}

// Full magazines, and whatever threads left that have ended.
class depot {
public:
    depot() {
        for (auto& stock : stocks_)
            stock.reserve(most_in_depot);
    }

    // False when there is none.
    bool take(std::size_t size_class, magazine& out) noexcept {
        const std::scoped_lock lock(mutex_);
        auto& stock = stocks_[size_class];
        if (stock.empty()) return false;
        out = std::exchange(stock.back(), magazine());
        stock.pop_back();
        return true;
    }
    // What there is no room for goes to the heap.
    void put(std::size_t size_class, magazine blocks) noexcept {
        if (blocks.empty()) return;
        {
            const std::scoped_lock lock(mutex_);
            auto& stock = stocks_[size_class];
            if (stock.size() < most_in_depot) {
                stock.push_back(blocks); // reserved
                return;
            }
        }
        empty_out(blocks);
    }

private:
    std::mutex mutex_;
    std::array<std::vector<magazine>, classes> stocks_;
};

// Never destroyed: pools may end during static destruction.
depot& the_depot() {
    static depot* const all = new depot;
    return *all;
}

enum class phase : unsigned char { unused, open, ended };

constinit thread_local std::array<std::array<magazine, 2>, classes> magazines{};
constinit thread_local phase state = phase::unused;

// At the end of a thread its stock goes to the depot; what it still allocates and frees, to the heap.
class stock_keeper {
public:
    stock_keeper() { the_depot(); }
    ~stock_keeper() {
        state = phase::ended;
        for (std::size_t c = 0; c < classes; ++c)
            for (magazine& m : magazines[c])
                the_depot().put(c, std::exchange(m, magazine()));
    }
};

bool open() {
    if (state == phase::ended) return false;
    thread_local stock_keeper keeper;
    static_cast<void>(keeper);
    state = phase::open;
    return true;
}

} // namespace

void* allocate_job(std::size_t size) {
    const std::size_t c = (size - 1) / granularity;
    if (c >= classes) return ::operator new(size);
    auto& mine = magazines[c];
    if (mine[0].empty()) [[unlikely]] {
        if (state != phase::open && !open()) return new_block(c);
        std::swap(mine[0], mine[1]);
        if (mine[0].empty() && !the_depot().take(c, mine[0])) return new_block(c);
    }
    return mine[0].take();
}

void free_job(void* memory, std::size_t size) noexcept {
    const std::size_t c = (size - 1) / granularity;
    if (c >= classes) return ::operator delete(memory);
    if (state != phase::open) [[unlikely]] {
        if (!open()) return delete_block(memory);
    }
    auto& mine = magazines[c];
    if (mine[0].full()) [[unlikely]] {
        std::swap(mine[0], mine[1]);
        if (mine[0].full()) the_depot().put(c, std::exchange(mine[0], magazine()));
    }
    mine[0].put(memory);
}

#else

void* allocate_job(std::size_t size) {
    return ::operator new(size);
}
void free_job(void* memory, std::size_t) noexcept {
    ::operator delete(memory);
}

#endif

} // namespace tandem::detail
