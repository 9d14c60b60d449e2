// The clock and the order of a test's loops.
//
// Every loop that has nothing ready asks here. Moving the clock needs more than that all of them are idle:
// one may have sent something to another that has not noticed it yet, through its inbox or through a socket.
// So work is counted (`activity_`), and each idle loop confirms the count with which it has last looked at
// its I/O in vain. When all have confirmed the present one, nothing is left to happen; a loop that has
// confirmed an older one is made to look again.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/loop_control.hpp>
#include <tandem/core/task.hpp>
#include <tandem/testing/options.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tandem::detail {
class loop;
}

namespace tandem::test::detail {

class control final : public tandem::detail::loop_control, public std::enable_shared_from_this<control> {
public:
    using clock = scheduler::clock;

    explicit control(const options& how);

    // ---- loop_control ----

    void attach(scheduler& loop) override;
    void detach(scheduler& loop) noexcept override;
    clock::time_point now() const noexcept override;
    bool shuffles() const noexcept override { return how_.seed().has_value(); }
    std::size_t pick(scheduler& loop, std::size_t count) noexcept override;
    std::chrono::nanoseconds idle(scheduler& loop, const idle_state& state) noexcept override;
    void awake(scheduler& loop) noexcept override;

    clock::duration elapsed() const noexcept { return now() - start_; }

    // ---- for clock_hold ----

    void hold() noexcept;
    void let_go() noexcept;

    // The control of the running task's loop. std::logic_error when there is none.
    static std::shared_ptr<control> current();

    // ---- for session: a main task, and a task on the same loop that waits for its end ----

    void main_began(task_context& main) noexcept;
    void main_ended() noexcept;
    // Whether the waiting task has to wait.
    bool wait_for_main(task_context& waiting) noexcept;
    // Valid when nothing runs any more; empty when the main task was not stuck.
    const std::string& report() const noexcept { return report_; }

private:
    class entry {
    public:
        entry(tandem::detail::loop& l, std::uint64_t seed) noexcept : loop(&l), random(seed) {}
        tandem::detail::loop* loop;
        std::uint64_t random; // the loop's own; the rest is guarded by mutex_
        idle_state state;
        std::uint64_t confirmed = 0;
        bool idle = false;
    };

    entry& entry_of(const scheduler& loop) noexcept;
    bool nothing_can_happen(entry& self) noexcept;
    std::chrono::nanoseconds quiet_for() noexcept;
    std::chrono::nanoseconds until_timer(const entry& self) const noexcept;
    std::chrono::nanoseconds move_clock(entry& self, clock::time_point to) noexcept;
    std::string tasks_left() const;
    std::chrono::nanoseconds give_up(entry& self, std::unique_lock<std::mutex>& lock,
                                     const std::string& why) noexcept;
    void wake_waiting() noexcept;

    const options how_;
    const clock::time_point start_;
    std::atomic<clock::rep> now_;
    std::mutex mutex_;
    std::vector<entry> loops_; // changed only while none of them runs
    std::uint64_t activity_ = 1;
    std::uint64_t quiet_activity_ = 0; // for which quiet_since_ holds
    clock::time_point quiet_since_;
    clock::time_point limit_;
    std::size_t holds_ = 0;
    bool has_main_ = false;
    bool main_over_ = false; // ended, or given up
    task_context* main_ = nullptr;
    task_context* waiting_ = nullptr;
    std::string report_;
};

} // namespace tandem::test::detail
