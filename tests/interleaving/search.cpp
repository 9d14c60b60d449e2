// The search: executions in depth-first order of their decisions, few deviations first; and the replay of
// one.
#include "tests/interleaving/engine.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace explore {
namespace {

void on_signal(int number) {
    the.crashed(number);
}

// Turns crashes and std::terminate into failures of the scenario while a search runs.
class crash_guard {
public:
    crash_guard() {
        static std::vector<char> stack(64 * 1024);
        stack_t alternative{};
        alternative.ss_sp = stack.data();
        alternative.ss_size = stack.size();
        sigaltstack(&alternative, &old_stack_);
        struct sigaction action{};
        action.sa_handler = on_signal;
        action.sa_flags = SA_ONSTACK | SA_NODEFER;
        sigaction(SIGSEGV, &action, &old_segv_);
        sigaction(SIGBUS, &action, &old_bus_);
        sigaction(SIGABRT, &action, &old_abort_);
    }
    ~crash_guard() {
        sigaction(SIGSEGV, &old_segv_, nullptr);
        sigaction(SIGBUS, &old_bus_, nullptr);
        sigaction(SIGABRT, &old_abort_, nullptr);
        sigaltstack(&old_stack_, nullptr);
    }

private:
    stack_t old_stack_{};
    struct sigaction old_segv_{};
    struct sigaction old_bus_{};
    struct sigaction old_abort_{};
};

} // namespace

// The next one in depth-first order. False: that was the last.
bool explorer::next_schedule() noexcept {
    decisions_.resize(position_);
    while (!decisions_.empty() && decisions_.back().made + 1 >= decisions_.back().of)
        decisions_.pop_back();
    if (decisions_.empty()) return false;
    ++decisions_.back().made;
    return true;
}

std::string explorer::schedule() const {
    std::string text = std::to_string(most_.preemptions) + "/" + std::to_string(most_.stale_loads) + ":";
    for (std::size_t i = 0; i < position_; ++i)
        text += static_cast<char>('0' + decisions_[i].made);
    while (text.back() == '0')
        text.pop_back();
    return text;
}

std::string explorer::show_trace() const {
    std::string text;
    for (const std::string& line : trace_)
        text += line + '\n';
    return text;
}

report explorer::search(std::string_view name, const limits& most, const scenario& what) {
    const crash_guard guard;
    report result;
    const auto begun = std::chrono::steady_clock::now();
    // Few deviations first, so that what is found is found in its simplest form.
    std::vector<std::pair<std::size_t, std::size_t>> rounds;
    for (std::size_t p = 0; p < most.preemptions; ++p)
        rounds.emplace_back(p, 0);
    if (most.stale_loads > 0) rounds.emplace_back(std::min<std::size_t>(most.preemptions, 1), 1);
    rounds.emplace_back(most.preemptions, most.stale_loads);
    for (const auto& [preemptions, stale] : rounds) {
        most_ = most;
        most_.preemptions = preemptions;
        most_.stale_loads = stale;
        decisions_.clear();
        result.schedules = 0; // each round contains the ones before
        do {
            execute(what);
            ++result.schedules;
            result.most_steps = std::max(result.most_steps, steps_);
            if (!failed_ && result.schedules >= most.schedules) {
                failed_ = true;
                message_ = "more schedules than the limit allows";
            }
        } while (!failed_ && next_schedule());
        if (failed_) break;
    }
    if (failed_) {
        const std::string found = message_;
        const std::size_t schedules = result.schedules;
        const std::string failing = schedule();
        result = once(failing, what);
        result.schedules = schedules;
        if (result.message != found) result.message = found + " (in the replay: " + result.message + ")";
    }
    if (!name.empty()) {
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        std::printf("%-58.*s %8zu schedules, up to %4zu steps, %6.2f s%s\n", static_cast<int>(name.size()),
                    name.data(), result.schedules, result.most_steps, seconds,
                    result.failed ? "  FAILS" : "");
        std::fflush(stdout);
    }
    return result;
}

report explorer::once(std::string_view schedule, const scenario& what) {
    const crash_guard guard;
    const auto slash = schedule.find('/');
    const auto colon = schedule.find(':');
    if (slash == schedule.npos || colon == schedule.npos) {
        report wrong;
        wrong.failed = true;
        wrong.message = "not a schedule: " + std::string(schedule);
        return wrong;
    }
    limits most;
    most.preemptions = static_cast<std::size_t>(std::stoul(std::string(schedule.substr(0, slash))));
    most.stale_loads =
        static_cast<std::size_t>(std::stoul(std::string(schedule.substr(slash + 1, colon - slash - 1))));
    most_ = most;
    decisions_.clear();
    for (const char c : schedule.substr(colon + 1))
        decisions_.push_back({static_cast<std::uint8_t>(c - '0'), 0});
    tracing = true;
    execute(what);
    tracing = false;
    report result;
    result.failed = failed_;
    result.schedules = 1;
    result.most_steps = steps_;
    if (failed_) {
        result.message = message_;
        result.schedule = schedule;
    }
    result.trace = show_trace();
    return result;
}

} // namespace explore
