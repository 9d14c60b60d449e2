// loop.add_signal_handler.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <csignal>

// Python:  loop.add_signal_handler(signal.SIGUSR1, reload)
// A signal is waited for, in a task of its own: it may await, fail and be cancelled as any other. One that
// comes while nobody waits is kept.
tandem::task<> add_signal_handler() {
    int reloads = 0;
    const auto reload_on_signal = [&reloads](tandem::signal_set& signals) -> tandem::task<> {
        while (reloads < 2) {
            const int number = co_await signals.next();
            expect(number == SIGUSR1);
            ++reloads;
            if (reloads == 1) std::raise(SIGUSR1);
        }
    };
    tandem::signal_set signals(SIGUSR1);
    std::raise(SIGUSR1);
    co_await reload_on_signal(signals);
    expect(reloads == 2);
} // Python:  loop.remove_signal_handler(signal.SIGUSR1)

// Python:  stop = asyncio.Event(); loop.add_signal_handler(signal.SIGTERM, stop.set); await stop.wait()
// `run` cancels the main task at SIGINT and SIGTERM by itself; this is for a program that wants to do more.
tandem::task<> wait_for_signal() {
    auto stop = tandem::signal_set(SIGTERM, SIGINT);
    std::raise(SIGTERM);
    const int number = co_await stop.next();
    expect(number == SIGTERM);
}

tandem::task<> all() {
    co_await add_signal_handler();
    co_await wait_for_signal();
}

int main() {
    return tandem::run(all);
}
