#include "tandem/parallelism/detail/parallel_loop.hpp"

#include <tandem/core/error.hpp>

#include <utility>

namespace tandem::detail {

// Only who sets failed_ writes the exception; the joins order that before finish().
void loop_control::fail(std::exception_ptr error) noexcept {
    if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::move(error);
    over_.store(true, std::memory_order_relaxed);
}

void loop_control::stop_early() noexcept {
    over_.store(true, std::memory_order_relaxed);
}

void loop_control::finish() {
    if (failure_) std::rethrow_exception(std::move(failure_));
    if (over_.load(std::memory_order_relaxed))
        throw operation_cancelled("a parallel loop was stopped before its end");
}

} // namespace tandem::detail
