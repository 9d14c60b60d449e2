#include <tandem/concurrency/with_cleanup.hpp>

#include <tandem/core/error.hpp>

#include <atomic>
#include <cstdio>
#include <string>

namespace tandem {

namespace {

constinit std::atomic<cleanup_failure_handler> failure_handler{nullptr};

} // namespace

cleanup_failure_handler set_cleanup_failure_handler(cleanup_failure_handler handler) noexcept {
    return failure_handler.exchange(handler, std::memory_order_acq_rel);
}

void detail::report_cleanup_failure(const std::exception_ptr& cleanup,
                                    const std::exception_ptr& body) noexcept {
    if (const cleanup_failure_handler handler = failure_handler.load(std::memory_order_acquire)) {
        handler(cleanup, body);
        return;
    }
    std::fprintf(stderr, "tandem: a cleanup failed: %s\n    after its body had failed: %s\n",
                 describe(cleanup).c_str(), describe(body).c_str());
}

} // namespace tandem
