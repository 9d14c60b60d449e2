// Decides from a loop's heartbeat, looked at now and then, whether something holds the loop.
#pragma once

#include <chrono>
#include <cstdint>

namespace tandem::detail {

class stall_meter {
public:
    using clock = std::chrono::steady_clock;
    enum class event { none, begun, ended };

    explicit stall_meter(clock::duration threshold) noexcept : threshold_(threshold) {}

    // `longest_gap`: more time since the last look than this does not count: the process was stopped then, or
    // this thread got no processor, and perhaps the loop's thread neither.
    event look(clock::time_point now, std::uint64_t heartbeat, clock::duration longest_gap) noexcept {
        const clock::duration gap = now - last_look_ < longest_gap ? now - last_look_ : longest_gap;
        const bool first = !begun_;
        begun_ = true;
        last_look_ = now;
        idle_ = waits(heartbeat) && heartbeat == heartbeat_;
        if (first || waits(heartbeat) || heartbeat != heartbeat_) {
            heartbeat_ = heartbeat;
            const bool was_reported = reported_;
            reported_ = false;
            total_ = held_;
            held_ = clock::duration::zero();
            return was_reported ? event::ended : event::none;
        }
        held_ += gap;
        total_ = held_;
        if (reported_ || held_ < threshold_) return event::none;
        reported_ = true;
        return event::begun;
    }

    // Of the stall that the last event told of.
    clock::duration held() const noexcept { return total_; }
    // Whether the loop waited all the time between the last two looks.
    bool idle() const noexcept { return idle_; }

private:
    static bool waits(std::uint64_t heartbeat) noexcept { return heartbeat % 2 == 1; }

    const clock::duration threshold_;
    clock::time_point last_look_{};
    clock::duration held_{0};
    clock::duration total_{0};
    std::uint64_t heartbeat_ = 0;
    bool begun_ = false;
    bool reported_ = false;
    bool idle_ = false;
};

} // namespace tandem::detail
