// The deque of one worker: the owner pushes and pops at the bottom, thieves steal at the top, without locks.
// After Chase and Lev, "Dynamic circular work-stealing deque" (SPAA 2005), with the orders of the C++ memory
// model; no std::atomic_thread_fence, which ThreadSanitizer does not understand.
//
// Indices only grow: elements are [top, bottom), index i lives in slot i mod capacity. Only the owner writes
// bottom and slots; top is advanced by compare-and-swap, by whoever takes the element there, so each is taken
// once.
//
// The arguments for the orders ("S" is the single total order of the seq_cst operations):
//  1. Last element. pop() writes bottom = b, then reads top; steal() reads top = t, then bottom; all four
//  seq_cst. Let the
//     thief see an element at t == b: it read bottom before the owner's write in S, hence read top before the
//     owner did, hence the owner reads top >= t, goes through the compare-and-swap too, and one of the two
//     wins. With weaker orders both could read old values (store buffering) and take the same element.
//  2. Contents. Every write of bottom is at least a release and every steal's read an acquire: what the owner
//  wrote
//     before push() (the job, the slot, the ring pointer) is visible to the thief. The slot itself can be
//     relaxed.
//  3. Reuse of a slot. push() writes over index i - capacity only after reading (acquire) a top beyond it.
//  Had a thief
//     read the new value and still advanced top from the old index, its read would happen before that write,
//     through its own compare-and-swap (release): a contradiction. So a thief with a torn view always loses
//     the swap.
//  4. Growth. The owner copies into a new ring and publishes it (release) before the bottom of the first
//  element that is
//     only there; a thief reads bottom, then the ring (acquire). Old rings are never written again and live
//     as long as the deque (together smaller than the newest): a thief that still reads one finds the right
//     element.
//  5. Going to sleep. push() writes bottom seq_cst and empty() reads it seq_cst: see parking.hpp.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace tandem::detail {

template <class T>
class work_deque {
public:
    // Capacity is a power of two; it doubles when needed.
    explicit work_deque(std::size_t capacity = 256) : rings_(std::make_unique<ring>(capacity)) {
        ring_.store(rings_.get(), std::memory_order_relaxed);
    }
    work_deque(const work_deque&) = delete;
    work_deque& operator=(const work_deque&) = delete;

    // Owner only. False when memory for growth is short; nothing happened then.
    [[nodiscard]] bool push(T* item) noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed); // only this thread writes it
        ring* slots = ring_.load(std::memory_order_relaxed);
        if (b - known_top_ >= slots->capacity()) {
            known_top_ = top_.load(std::memory_order_acquire); // argument 3
            if (b - known_top_ >= slots->capacity()) {
                slots = grow(*slots, known_top_, b);
                if (slots == nullptr) return false;
            }
        }
        slots->at(b).store(item, std::memory_order_relaxed);
        bottom_.store(b + 1, std::memory_order_seq_cst); // arguments 2 and 5
        return true;
    }

    // Owner only. The newest element, or nullptr when empty.
    T* pop() noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed) - 1;
        // Top only grows, so an old value can only make an empty deque look full, never the reverse.
        if (top_.load(std::memory_order_relaxed) > b) return nullptr;
        const ring* slots = ring_.load(std::memory_order_relaxed);
        bottom_.store(b, std::memory_order_seq_cst);                    // argument 1
        std::int64_t t = top_.load(std::memory_order_seq_cst);          // argument 1
        if (t < b) return slots->at(b).load(std::memory_order_relaxed); // no thief can reach b
        T* item = nullptr;
        if (t == b) {
            item = slots->at(b).load(std::memory_order_relaxed);
            if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
                item = nullptr;
        }
        bottom_.store(b + 1, std::memory_order_release); // empty again; argument 2
        return item;
    }

    // Any thread. The oldest element, or nullptr when empty or when another thread was faster.
    T* steal() noexcept {
        std::int64_t t = top_.load(std::memory_order_seq_cst);          // argument 1
        const std::int64_t b = bottom_.load(std::memory_order_seq_cst); // arguments 1 and 2
        if (t >= b) return nullptr;
        const ring* slots = ring_.load(std::memory_order_acquire); // argument 4
        T* item = slots->at(t).load(std::memory_order_relaxed);    // argument 3
        if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
            return nullptr;
        return item;
    }

    // Owner only: the index that the next push gives its element. An element is in the deque while top() is
    // not beyond its index.
    std::int64_t next_index() const noexcept { return bottom_.load(std::memory_order_relaxed); }
    std::int64_t top() const noexcept { return top_.load(std::memory_order_seq_cst); }

    // Owner only; thieves may make it less meanwhile.
    std::int64_t size() const noexcept { return next_index() - top(); }

    // Any thread; a snapshot.
    bool empty() const noexcept {
        const std::int64_t t = top_.load(std::memory_order_seq_cst);
        return t >= bottom_.load(std::memory_order_seq_cst);
    }

private:
    class ring {
    public:
        explicit ring(std::size_t capacity)
            : mask_(capacity - 1), slots_(std::make_unique<atomic<T*>[]>(capacity)) {}

        std::int64_t capacity() const noexcept { return static_cast<std::int64_t>(mask_ + 1); }
        atomic<T*>& at(std::int64_t index) const noexcept {
            return slots_[static_cast<std::size_t>(index) & mask_];
        }
        void keep(std::unique_ptr<ring> older) noexcept { older_ = std::move(older); }

    private:
        std::size_t mask_;
        std::unique_ptr<atomic<T*>[]> slots_;
        std::unique_ptr<ring> older_; // thieves may still read it
    };

    ring* grow(const ring& old, std::int64_t top, std::int64_t bottom) noexcept {
        std::unique_ptr<ring> larger;
        try {
            larger = std::make_unique<ring>(static_cast<std::size_t>(old.capacity()) * 2);
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
        for (std::int64_t i = top; i < bottom; ++i)
            larger->at(i).store(old.at(i).load(std::memory_order_relaxed), std::memory_order_relaxed);
        larger->keep(std::move(rings_));
        rings_ = std::move(larger);
        ring_.store(rings_.get(), std::memory_order_release); // argument 4
        return rings_.get();
    }

    static constexpr std::size_t cache_line = 64;

    alignas(cache_line) atomic<std::int64_t> top_{0};    // written by thieves
    alignas(cache_line) atomic<std::int64_t> bottom_{0}; // written by the owner
    std::int64_t known_top_ = 0;                         // owner only: at most the real top
    atomic<ring*> ring_{nullptr};
    std::unique_ptr<ring> rings_; // owner only: the newest, which keeps the older
};

} // namespace tandem::detail
