// What the benchmark measures. Each case runs `n` operations and returns; the driver takes time and counts
// allocations around it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

// Which clock says what an operation costs: the processor's where one thread does it all (others on the
// machine do not count), the wall's where threads wait for each other.
enum class clock_kind { cpu, wall };

class bench_case {
public:
    bench_case(std::string case_name, std::size_t operations, std::function<void(std::size_t)> body,
               clock_kind k = clock_kind::cpu)
        : name(std::move(case_name)), n(operations), run(std::move(body)), kind(k) {}

    std::string name; // the same name in every toolkit: the rows of the table
    std::size_t n;
    std::function<void(std::size_t n)> run;
    clock_kind kind;
};

std::vector<bench_case> tandem_cases();
std::vector<bench_case> asio_cases();

// Measurement of a stretch inside of a case: set-up stays out. The driver reads what the last case noted.
void begin_measuring();
void end_measuring();

// Heap allocations of the program so far (allocations.cpp replaces operator new).
std::uint64_t allocations() noexcept;

} // namespace bench
