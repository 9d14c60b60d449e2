// What a test decides for a runtime's loops: the clock, the order of what is ready, what happens when nothing
// is. Used by tandem/testing.hpp; a loop without one pays a test of a pointer for each turn.
#pragma once

#include <tandem/core/scheduler.hpp>

#include <cstddef>
#include <optional>

namespace tandem::detail {

class loop_control {
public:
    virtual ~loop_control() = default;

    // The time of the loops' timers. Called on any of the loops.
    virtual scheduler::clock::time_point now() const noexcept = 0;

    // Which of `count` ready nodes, numbered in order of arrival, runs next; `count` > 0.
    virtual std::size_t pick(std::size_t count) noexcept = 0;

    // What a loop that has nothing ready waits for.
    class idle_state {
    public:
        std::optional<scheduler::clock::time_point> next_timer;
        std::size_t computations = 0; // on a pool
        std::size_t operations = 0;   // of Asio, begun and not completed
    };

    // Called when nothing is ready and no I/O has completed. True: the clock was moved, go on at once. False:
    // wait for real, until something happens.
    virtual bool idle(scheduler& loop, const idle_state& state) noexcept = 0;
};

} // namespace tandem::detail
