// The work of the data-parallel cases: the same inner loops for every toolkit.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace bench {

inline constexpr std::size_t ten_million = 10'000'000;

// fib(n) without a cut-off forks this often.
inline constexpr int fib_n = 30;
inline constexpr long fib_result = 832'040;
inline constexpr double fib_forks = 1'346'268; // fib(31) - 1

inline constexpr long skynet_leaves = 1'000'000;
inline constexpr long skynet_result = skynet_leaves * (skynet_leaves - 1) / 2;

inline const std::vector<float>& halves() {
    static const std::vector<float> values(ten_million, 0.5f);
    return values;
}
inline std::vector<float>& output() {
    static std::vector<float> values(ten_million, 1.0f);
    return values;
}
inline const std::vector<float>& unsorted() {
    static const std::vector<float> values = [] {
        std::vector<float> all(ten_million);
        std::mt19937 random(1);
        for (float& v : all)
            v = static_cast<float>(random());
        return all;
    }();
    return values;
}

// One element of a loop that computes more than it reads.
inline float heavy(float x) {
    return std::sin(x) + std::exp(x);
}

class picture {
public:
    static constexpr int width = 600;
    static constexpr int height = 400;

    // Points inside of the set cost all the iterations, those far away one: rows differ by far.
    void row(int y) noexcept {
        long sum = 0;
        for (int x = 0; x < width; ++x) {
            const double cr = -2.0 + 3.0 * x / width;
            const double ci = -1.0 + 2.0 * y / height;
            double r = 0;
            double i = 0;
            int n = 0;
            for (; n < 500 && r * r + i * i < 4; ++n) {
                const double next = r * r - i * i + cr;
                i = 2 * r * i + ci;
                r = next;
            }
            sum += n;
        }
        sums_[static_cast<std::size_t>(y)] = sum;
    }
    long sum() const noexcept {
        long all = 0;
        for (const long s : sums_)
            all += s;
        return all;
    }

private:
    std::vector<long> sums_ = std::vector<long>(height);
};

long mandelbrot_sum(); // of the whole picture

} // namespace bench
