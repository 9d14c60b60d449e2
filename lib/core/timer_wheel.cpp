#include "lib/core/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <chrono>

namespace tandem::detail {

timer_wheel::timer_wheel(clock::time_point origin) noexcept : origin_(origin) {}

void timer_wheel::insert(timer_node& timer, clock::time_point when) noexcept {
    // Rounded up, so that no timer fires early, and at least one tick ahead of what is being handled.
    tick due = std::max(current_, target_) + 1;
    if (when > origin_) {
        const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(when - origin_).count();
        due = std::max(due, (static_cast<tick>(since) + 999'999) / 1'000'000);
    }
    timer.tick = due;
    file(timer);
    ++size_;
}

void timer_wheel::file(timer_node& timer) noexcept {
    // The level is that of the highest bit in which the due tick differs from the current one.
    const tick differing = (timer.tick ^ current_) | (slots - 1);
    const unsigned level =
        std::min<unsigned>((63u - static_cast<unsigned>(std::countl_zero(differing))) / bits, levels - 1);
    const unsigned shift = level * bits;
    unsigned index = static_cast<unsigned>((timer.tick >> shift) & (slots - 1));
    // The highest level goes round: all of its slots but the current one lie ahead. What is beyond that span
    // is filed as far away as there is, to be filed again.
    if (level == levels - 1 && (timer.tick >> shift) - (current_ >> shift) >= slots)
        index = static_cast<unsigned>(((current_ >> shift) + slots - 1) & (slots - 1));
    timer.slot = level * slots + index;
    slot_list& list = slots_[timer.slot];
    timer.prev = list.prev;
    timer.next = &list;
    list.prev->next = &timer;
    list.prev = &timer;
    occupied_[level] |= std::uint64_t{1} << index;
}

void timer_wheel::unlink(timer_node& timer) noexcept {
    timer.prev->next = timer.next;
    timer.next->prev = timer.prev;
    timer.next = timer.prev = nullptr;
    slot_list& list = slots_[timer.slot];
    if (list.next == &list) occupied_[timer.slot / slots] &= ~(std::uint64_t{1} << (timer.slot % slots));
}

void timer_wheel::remove(timer_node& timer) noexcept {
    if (!timer.armed()) return;
    unlink(timer);
    --size_;
}

std::optional<timer_wheel::tick> timer_wheel::next_tick() const noexcept {
    // A lower level always expires before a higher one: its slots lie within one slot of the level above.
    for (unsigned level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) continue;
        const unsigned shift = level * bits;
        const unsigned here = static_cast<unsigned>((current_ >> shift) & (slots - 1));
        const unsigned ahead =
            static_cast<unsigned>(std::countr_zero(std::rotr(occupied_[level], static_cast<int>(here))));
        const tick base = current_ >> shift;
        // A slot equal to the current one is a whole turn away.
        return (base + (ahead == 0 ? slots : ahead)) << shift;
    }
    return std::nullopt;
}

std::optional<timer_wheel::clock::time_point> timer_wheel::next_expiry() const noexcept {
    const std::optional<tick> next = next_tick();
    if (!next) return std::nullopt;
    return origin_ + std::chrono::milliseconds(static_cast<long long>(*next));
}

bool timer_wheel::advance(clock::time_point now) noexcept {
    if (size_ == 0 && now >= origin_) { // nothing to step through
        current_ = std::max(current_, static_cast<tick>((now - origin_) / std::chrono::milliseconds(1)));
        return false;
    }
    const tick target =
        now <= origin_ ? 0 : static_cast<tick>((now - origin_) / std::chrono::milliseconds(1));
    target_ = std::max(target_, target);
    bool fired = false;
    while (const std::optional<tick> next = next_tick()) {
        if (*next > target) break;
        current_ = *next;
        // Take over the slot of each level that begins at this tick: highest first, so that timers sink to
        // level 0.
        for (unsigned level = levels; level-- > 0;) {
            const unsigned shift = level * bits;
            if ((current_ & ((tick{1} << shift) - 1)) != 0) continue;
            const unsigned index = static_cast<unsigned>((current_ >> shift) & (slots - 1));
            if ((occupied_[level] & (std::uint64_t{1} << index)) == 0) continue;
            slot_list& list = slots_[level * slots + index];
            // Only what is in the slot now: a timer fired here may arm another one that lands in it.
            slot_list taken;
            taken.next = list.next;
            taken.prev = list.prev;
            taken.next->prev = taken.prev->next = &taken;
            list.next = list.prev = &list;
            occupied_[level] &= ~(std::uint64_t{1} << index);
            while (taken.next != &taken) {
                timer_node& timer = *taken.next;
                // `unlink` must not clear the bit of a slot that was refilled meanwhile; it looks at the list
                // itself.
                timer.prev->next = timer.next;
                timer.next->prev = timer.prev;
                timer.next = timer.prev = nullptr;
                if (timer.tick > current_) {
                    file(timer);
                } else {
                    --size_;
                    fired = true;
                    timer.fire();
                }
            }
        }
    }
    current_ = std::max(current_, target);
    return fired;
}

} // namespace tandem::detail
