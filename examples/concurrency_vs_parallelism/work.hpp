// What a page costs: computing that is real, and takes a known time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace four_ways {

std::size_t cores() noexcept; // at least 1

// CPU time that the process has used so far, all threads together; seconds.
double process_cpu_seconds() noexcept;

// Hashes a text of 4 KiB as often as takes `ms` of CPU time on this machine, alone on its core.
class page_work {
public:
    explicit page_work(double ms); // measures; takes some 30 ms

    std::uint64_t operator()(std::size_t page) const noexcept; // a checksum: the same each time

private:
    std::uint64_t rounds_ = 0;
};

} // namespace four_ways
