// How a parallel loop, reduction or sort is done: parallel_options().grain(100).stop(token).
#pragma once

#include <cstddef>
#include <stop_token>
#include <utility>

namespace tandem {

class progress;

class parallel_options {
public:
    parallel_options() {}

    // How many elements are handled in one go; no piece is smaller, but for the last. 0 (the default): as
    // many as take some microseconds, and fewer where little work is left. Work is split only while a worker
    // has nothing to do, so a grain is seldom needed: to bound what is done after a stop exactly, or where
    // the cost of the elements changes by orders of magnitude from one to the next.
    parallel_options& grain(std::size_t elements) noexcept {
        grain_ = elements;
        return *this;
    }

    // Once a stop is requested, no further chunk begins, and the call throws operation_cancelled if anything
    // was left out.
    parallel_options& stop(std::stop_token token) noexcept {
        stop_ = std::move(token);
        return *this;
    }

    // For reductions: the same operations in the same order whatever the number of workers and their timing,
    // so that sums of floating-point numbers are equal to the bit in every run. Needs memory for one result
    // in a thousand elements (or in a grain). Default false.
    parallel_options& deterministic(bool value) noexcept {
        deterministic_ = value;
        return *this;
    }

    // Is told of each element that is done (progress.hpp); must live until the call has ended.
    parallel_options& progress(tandem::progress& to) noexcept {
        progress_ = &to;
        return *this;
    }

    std::size_t grain() const noexcept { return grain_; }
    const std::stop_token& stop() const noexcept { return stop_; }
    bool deterministic() const noexcept { return deterministic_; }
    tandem::progress* progress() const noexcept { return progress_; }

private:
    std::size_t grain_ = 0;
    std::stop_token stop_;
    bool deterministic_ = false;
    tandem::progress* progress_ = nullptr;
};

} // namespace tandem
