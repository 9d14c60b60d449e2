// The data-parallel cases: a toolkit says how it runs a loop, a sum and a sort; what they are measured on is
// the same for all.
#pragma once

#include "bench/pool/cases.hpp"
#include "bench/pool/measure.hpp"
#include "bench/pool/workloads.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace bench {

inline constexpr const char* saxpy_row = "y = 2 x + y, 10 M floats";
inline constexpr const char* heavy_row = "sin(x) + exp(x), 10 M floats";
inline constexpr const char* squares_row = "sum of squares, 10 M floats";
inline constexpr const char* mandelbrot_row = "Mandelbrot, rows of unequal work";
inline constexpr const char* sort_row = "sort of 10 M floats";
inline constexpr const char* fib_row = "fork and join (fib without cut-off)";
inline constexpr const char* skynet_row = "skynet, 1 M leaves";

// loop() runs the whole loop once.
template <class Loop>
void add_loop_case(cases& all, const char* toolkit, const char* row, int runs, Loop loop) {
    all.emplace_back(row, toolkit, [=](const note& write) {
        time_each(runs, loop, [&](double wall, double cpu) {
            write(row, "ms", wall);
            write(std::string(row) + ", CPU", "ms", cpu);
        });
    });
}

// sum() gives the sum of the squares of halves().
template <class Sum>
void add_squares_case(cases& all, const char* toolkit, Sum sum) {
    add_loop_case(all, toolkit, squares_row, 15,
                  [=] { check(sum() == 0.25f * static_cast<float>(ten_million), squares_row); });
}

// rows(picture&) computes every row.
template <class Rows>
void add_mandelbrot_case(cases& all, const char* toolkit, Rows rows) {
    add_loop_case(all, toolkit, mandelbrot_row, 1, [=] {
        picture p;
        rows(p);
        check(p.sum() == mandelbrot_sum(), mandelbrot_row);
    });
}

template <class Sort>
void add_sort_case(cases& all, const char* toolkit, Sort sort) {
    all.emplace_back(sort_row, toolkit, [=](const note& write) {
        std::vector<float> values = unsorted();
        const stopwatch watch;
        sort(values);
        const double cpu = watch.cpu_ns();
        write(sort_row, "ms", watch.wall_ns() / 1e6);
        write(std::string(sort_row) + ", CPU", "ms", cpu / 1e6);
        check(std::is_sorted(values.begin(), values.end()), sort_row);
    });
}

template <class Fib>
void add_fib_case(cases& all, const char* toolkit, Fib fib) {
    all.emplace_back(fib_row, toolkit, [=](const note& write) {
        time_each(
            3, [&] { check(fib(fib_n) == fib_result, fib_row); },
            [&](double ms, double) { write(fib_row, "ns", ms * 1e6 / fib_forks); });
    });
}

template <class Skynet>
void add_skynet_case(cases& all, const char* toolkit, Skynet skynet) {
    add_loop_case(all, toolkit, skynet_row, 3,
                  [=] { check(skynet(0L, skynet_leaves) == skynet_result, skynet_row); });
}

} // namespace bench
