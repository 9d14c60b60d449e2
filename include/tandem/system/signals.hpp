// signal_set: Unix signals as something to wait for.
//
//     signal_set reload(SIGHUP, SIGUSR1);
//     for (;;)
//         if (co_await reload.next() == SIGHUP) read_configuration();
//
//     co_await wait_for_signal(SIGTERM, SIGINT);          // once
//
// As long as a set lives its signals are caught by it; several sets, on any loops, may name the same signal,
// and each gets it. When the last set of a signal goes, the disposition that was there before the first comes
// back. A set that names SIGINT or SIGTERM takes it over from `tandem::run` meanwhile: the program is then
// not cancelled by it.
//
// A signal that comes while nobody waits is kept. Equal ones are kept once, as the kernel does; of several
// that are kept the lowest number comes first.
//
// A set belongs to the loop of the task that makes it. Making and destroying sets is thread-safe.
#pragma once

#include <tandem/core/task.hpp>

#include <array>
#include <concepts>
#include <csignal>
#include <memory>
#include <span>

namespace tandem {

class signal_set {
public:
    // Only inside a task. Failure: std::invalid_argument for a number that cannot be waited for (SIGKILL,
    // SIGSTOP, those of a faulty instruction such as SIGSEGV, and what is no signal at all).
    template <std::same_as<int>... More>
    explicit signal_set(int first, More... more) : signal_set(std::array{first, more...}) {}
    // No task may be waiting.
    ~signal_set();
    signal_set(signal_set&&) noexcept;
    signal_set& operator=(signal_set&&) = delete;

    // Waits for the next signal of the set and gives its number. Several tasks may wait: each signal goes to
    // one of them. Cancellation: operation_cancelled; no signal is lost.
    [[nodiscard]] task<int> next();

private:
    class impl;
    template <std::size_t N>
    explicit signal_set(const std::array<int, N>& numbers) : signal_set(std::span<const int>(numbers)) {}
    explicit signal_set(std::span<const int> numbers);

    std::unique_ptr<impl> impl_;
};

// Waits for one of these signals, from the moment it is awaited, and gives its number.
template <std::same_as<int>... More>
task<int> wait_for_signal(int first, More... more) {
    signal_set signals(first, more...);
    co_return co_await signals.next();
}

} // namespace tandem
