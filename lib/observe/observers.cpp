#include "lib/core/observers.hpp"

#include <tandem/observe/stall_detector.hpp>
#include <tandem/observe/tasks.hpp>

#include <optional>

namespace tandem::detail {

namespace {

class chosen_observers final : public runtime_observers {
public:
    chosen_observers(runtime& watched, const runtime_options& options) {
        if (options.dump_tasks_on() != 0) dump_.emplace(options.dump_tasks_on());
        if (options.stall_threshold().count() > 0)
            stalls_.emplace(watched, stall_options().threshold(options.stall_threshold()));
    }

private:
    std::optional<dump_tasks_on_signal> dump_;
    std::optional<stall_detector> stalls_;
};

} // namespace

std::unique_ptr<runtime_observers> observe(runtime& watched, const runtime_options& options) {
    if (options.dump_tasks_on() == 0 && options.stall_threshold().count() <= 0) return nullptr;
    return std::make_unique<chosen_observers>(watched, options);
}

} // namespace tandem::detail
