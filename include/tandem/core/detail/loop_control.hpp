// What a test decides for a runtime's loops: the clock, the order of what is ready, what happens when nothing
// is. Used by tandem/testing.hpp; a loop without one pays a test of a pointer for each turn.
#pragma once

#include <tandem/core/scheduler.hpp>

#include <chrono>
#include <cstddef>
#include <optional>

namespace tandem::detail {

class loop_control {
public:
    virtual ~loop_control() = default;

    // Every loop of the runtime, before one of them runs, and when it is destroyed.
    virtual void attach(scheduler& loop) = 0;
    virtual void detach(scheduler& loop) noexcept = 0;

    // The time of the loops' timers. Called on any of the loops.
    virtual scheduler::clock::time_point now() const noexcept = 0;

    // Whether `pick` is to be asked; otherwise first in, first out. Always the same answer.
    virtual bool shuffles() const noexcept = 0;

    // Which of `count` ready nodes, numbered in order of arrival, runs next; `count` > 0. On `loop`.
    virtual std::size_t pick(scheduler& loop, std::size_t count) noexcept = 0;

    // What a loop that has nothing ready waits for.
    class idle_state {
    public:
        std::optional<scheduler::clock::time_point> next_timer;
        std::size_t computations = 0; // on a pool
        std::size_t operations = 0;   // of Asio, or foreign, begun and not completed
        bool worked = false;          // something ran here since the last time
    };

    // Called on `loop` when nothing is ready and no I/O has completed. Zero: the clock was moved, go on at
    // once. Otherwise wait for real until something happens, at most so long, and then ask again.
    virtual std::chrono::nanoseconds idle(scheduler& loop, const idle_state& state) noexcept = 0;
    static constexpr std::chrono::nanoseconds for_ever = std::chrono::nanoseconds::max();

    // The wait has ended, or the loop's thread leaves it: called before anything runs there.
    virtual void awake(scheduler& loop) noexcept = 0;
};

} // namespace tandem::detail
