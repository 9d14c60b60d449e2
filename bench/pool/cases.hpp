// What the benchmark of the pool measures. A case belongs to a group and to a toolkit; the driver runs a
// group's cases one right after the other, in every round, and makes medians of what they note.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

// Threads that compute, the same number for every toolkit.
inline constexpr std::size_t workers = 2;

// Takes a row's name (the same for every toolkit), its unit and one value. Smaller is better in all rows.
using note = std::function<void(std::string_view row, std::string_view unit, double value)>;

class bench_case {
public:
    bench_case(std::string group_name, std::string toolkit_name, std::function<void(const note&)> body)
        : group(std::move(group_name)), toolkit(std::move(toolkit_name)), run(std::move(body)) {}

    std::string group;
    std::string toolkit; // the column
    std::function<void(const note&)> run;
};

using cases = std::vector<bench_case>;

void add_tandem_cases(cases& all);
void add_tandem_offload_cases(cases& all);
void add_one_thread_cases(cases& all);
void add_asio_cases(cases& all);
void add_async_cases(cases& all);
void add_tbb_cases(cases& all);    // also the algorithms of std::execution, which libstdc++ runs on oneTBB
void add_openmp_cases(cases& all); // also libstdc++'s parallel mode
void add_memory_cases(cases& all); // of all toolkits, each in a process of its own
void add_python_results(const note& futures, const note& joblib); // nothing where Python is missing

// In the process that a memory case starts: prints what it used, and gives the exit code.
int report_memory(std::string_view toolkit);

// Heap allocations while they are counted (allocations.cpp replaces operator new). Counting is for single
// stretches: several threads that count slow each other down.
void count_allocations(bool on) noexcept;
std::uint64_t allocations() noexcept;

// Ends the program when a case computed something wrong.
void check(bool right, std::string_view what);

} // namespace bench
