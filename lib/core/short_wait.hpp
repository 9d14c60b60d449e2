// Whether a loop that has nothing to do looks for news from other threads a moment longer before it sleeps.
//
// Two loops that hand each other one item at a time wake each other for each: a system call on one side, ten
// or twenty microseconds until the other runs. So does a pool that has the result of an `offload`. A loop
// that was woken soon after it had fallen asleep looks for a moment the next time, which mostly spares both.
// When nothing came in that moment it was in vain, and is not tried again before another short sleep; then
// two of them, four, and so on. So a loop that is idle, or waits for the network, or hears from others less
// often than that, costs nothing.
#pragma once

#include "lib/core/blocking_policy.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace tandem::detail {

class short_wait {
public:
    using clock = std::chrono::steady_clock;

    // Longer than a processor takes to wake from its sleep: otherwise two loops miss each other for ever,
    // each asleep again when the other one has woken.
    static constexpr std::chrono::microseconds longest_look{30};
    static constexpr std::chrono::microseconds longest_short_sleep{50};
    static constexpr int most_sleeps_between = 255;

    // Where there is one processor only, whoever could bring news would have to wait for the end of the look.
    explicit short_wait(bool several_processors) noexcept : useful_(several_processors) {}

    // True as soon as `has_news()`, or when `meanwhile()`, called about once in a microsecond, has found
    // something else to do. `since`: when the loop began to have nothing to do, or before.
    template <class HasNews, class Meanwhile>
    bool look(clock::time_point since, HasNews has_news, Meanwhile meanwhile) {
        if (!expects_news_) return false;
        do {
            for (int n = 0; n < looks_in_a_round; ++n) {
                if (has_news()) {
                    penalty_ = 0;
                    return true;
                }
                cpu_relax();
            }
            if (meanwhile()) return true;
            std::this_thread::yield(); // who has the news may need this processor
        } while (clock::now() - since < longest_look);
        expects_news_ = false;
        sleeps_to_go_ = penalty_;
        penalty_ = std::min(2 * penalty_ + 1, most_sleeps_between);
        return false;
    }

    // After a sleep: how long it was, and whether another thread's news had ended it.
    void slept(clock::duration how_long, bool woken_by_news) noexcept {
        if (!useful_ || !woken_by_news || how_long > longest_short_sleep) return;
        if (sleeps_to_go_ > 0)
            --sleeps_to_go_;
        else
            expects_news_ = true;
    }

private:
    static constexpr int looks_in_a_round = 32;

    const bool useful_;
    bool expects_news_ = false;
    int penalty_ = 0; // short sleeps before the next look, should this one be in vain
    int sleeps_to_go_ = 0;
};

} // namespace tandem::detail
