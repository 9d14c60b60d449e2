// From a coroutine to a pool and back: what one round trip costs.
#pragma once

#include "bench/pool/cases.hpp"
#include "bench/pool/measure.hpp"

#include <cstddef>
#include <string>

namespace bench {

inline std::string offload_row(std::size_t in_flight) {
    return "offload round trip, " + std::to_string(in_flight) + " in flight";
}

// trips(n) makes about n of them and says how many they were.
template <class Trips>
void measure_offload(const note& write, std::size_t in_flight, Trips trips) {
    const std::size_t count = in_flight == 1 ? 10'000 : 200'000;
    trips(count / 10);

    // What is allocated to begin with counts in neither figure: of more trips it is the same.
    count_allocations(true);
    const std::uint64_t before = allocations();
    const double few = trips(20 * in_flight);
    const std::uint64_t between = allocations();
    const double many = trips(220 * in_flight);
    const std::uint64_t after = allocations();
    count_allocations(false);
    const double per_trip =
        (static_cast<double>(after - between) - static_cast<double>(between - before)) / (many - few);

    const stopwatch watch;
    const double made = trips(count);
    const double wall = watch.wall_ns();
    const double cpu = watch.cpu_ns();
    const std::string row = offload_row(in_flight);
    write(row, "ns", wall / made);
    write(row + ", CPU of all threads", "ns", cpu / made);
    write(row + ", allocations", "", per_trip);
}

} // namespace bench
