// A hierarchical timer wheel: six levels of 64 slots, 1 ms a tick, about two years in all (later ones wait in
// the last slot and are filed again). Insert and remove are O(1); finding the next expiry looks at six bit
// maps. G. Varghese, T. Lauck: Hashed and hierarchical timing wheels, 1987.
#pragma once

#include <tandem/core/scheduler.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace tandem::detail {

class timer_wheel {
public:
    using clock = scheduler::clock;

    explicit timer_wheel(clock::time_point origin) noexcept;
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    void insert(timer_node& timer, clock::time_point when) noexcept;
    void remove(timer_node& timer) noexcept;

    // Fires, in order of their ticks, all timers that are due at `now`. A timer fired may arm and disarm
    // others; one that is armed for a time already past fires in the next call. Returns whether any fired.
    bool advance(clock::time_point now) noexcept;

    // When `advance` has to be called next: never later than the first timer, possibly earlier (to refile a
    // slot).
    std::optional<clock::time_point> next_expiry() const noexcept;

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

private:
    using tick = unsigned long long;
    static constexpr unsigned levels = 6;
    static constexpr unsigned bits = 6;
    static constexpr unsigned slots = 1u << bits;

    // A list head; the nodes form a ring through it.
    class slot_list : public timer_node {
    public:
        slot_list() noexcept : timer_node(nullptr) { next = prev = this; }
    };

    void file(timer_node& timer) noexcept;
    void unlink(timer_node& timer) noexcept;
    std::optional<tick> next_tick() const noexcept;

    clock::time_point origin_;
    tick current_ = 0; // every tick up to this one has been handled
    tick target_ = 0;  // how far `advance` is to go
    std::size_t size_ = 0;
    std::array<std::uint64_t, levels> occupied_{};
    std::array<slot_list, levels * slots> slots_;
};

} // namespace tandem::detail
