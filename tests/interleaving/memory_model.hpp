// What each fiber is guaranteed to see: the view-based reading of the C++ memory model.
//
// Every atomic object keeps its latest stores, numbered. A view holds, for each atomic, the number of the
// oldest store that a load may still return, and for each fiber how far its past is known (a vector clock, by
// which races on plain data are found). A release store carries its fiber's view along, an acquire load
// merges it in; locks do both. A load may return any store that its view allows, so store buffering and
// missing acquire/release pairs show, without reordering anything.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace explore {

inline constexpr std::size_t most_fibers = 6;
inline constexpr std::size_t most_locations = 64; // atomics of one execution
inline constexpr std::uint32_t kept_stores = 4;   // of each atomic; older ones are not returned

class view {
public:
    std::array<std::uint16_t, most_locations> oldest{};
    std::array<std::uint16_t, most_fibers> clock{};

    void merge(const view& other) noexcept {
        for (std::size_t i = 0; i < most_locations; ++i)
            oldest[i] = std::max(oldest[i], other.oldest[i]);
        for (std::size_t i = 0; i < most_fibers; ++i)
            clock[i] = std::max(clock[i], other.clock[i]);
    }
};

constexpr bool acquires(std::memory_order order) noexcept {
    return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}
constexpr bool releases(std::memory_order order) noexcept {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}

} // namespace explore
