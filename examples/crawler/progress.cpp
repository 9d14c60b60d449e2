#include "examples/crawler/progress.hpp"

#include "examples/crawler/text.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include <sys/ioctl.h>
#include <unistd.h>

namespace crawler {

namespace {

using clock = std::chrono::steady_clock;

// The line on a terminal; gone when this is.
class status_line {
public:
    explicit status_line(bool terminal) noexcept : terminal_(terminal) {}
    status_line(const status_line&) = delete;
    status_line& operator=(const status_line&) = delete;
    ~status_line() {
        if (terminal_ && shown_) std::fputs("\r\033[K", stderr);
    }

    void show(std::string text) {
        if (terminal_) {
            winsize size{};
            if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
                text.resize(std::min<std::size_t>(text.size(),
                                                  size.ws_col - 1u)); // a longer one could not be rewritten
            std::fprintf(stderr, "\r%s\033[K", text.c_str());
            std::fflush(stderr);
        } else {
            std::fprintf(stderr, "%s\n", text.c_str());
        }
        shown_ = true;
    }

private:
    bool terminal_;
    bool shown_ = false;
};

} // namespace

std::uint64_t loops_busy_ns(const tandem::runtime& runtime, std::size_t loops) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < loops; ++i)
        total += runtime.loop_busy_ns(i);
    return total;
}

tandem::task<> show_progress(crawl_state& state, tandem::runtime& runtime) {
    const bool terminal = stderr_is_terminal();
    const auto interval = terminal ? std::chrono::milliseconds(200) : std::chrono::milliseconds(5000);
    status_line line(terminal);
    std::uint64_t pages_before = 0;
    std::uint64_t loop_before = 0;
    std::uint64_t pool_before = 0;
    clock::time_point before = clock::now();
    for (;;) {
        co_await tandem::sleep_for(interval);
        const clock::time_point now = clock::now();
        const double elapsed = std::max(1e-3, std::chrono::duration<double>(now - before).count());
        const std::uint64_t pages = state.figures.pages();
        const std::uint64_t loops = loops_busy_ns(runtime, state.settings.loops);
        const auto pool = static_cast<std::uint64_t>(runtime.pool().stats().busy.count());
        const auto share = [&](std::uint64_t spent, std::size_t threads) {
            return std::min(100.0,
                            100 * static_cast<double>(spent) / 1e9 / elapsed / static_cast<double>(threads));
        };
        char text[256];
        std::snprintf(
            text, sizeof(text),
            "%llu pages, %zu queued, %zu in flight, %.0f pages/s, %llu errors, loop %.0f %%, pool %.0f %%",
            static_cast<unsigned long long>(pages), state.visits.queued(), state.figures.in_flight(),
            static_cast<double>(pages - pages_before) / elapsed,
            static_cast<unsigned long long>(state.figures.errors()),
            share(loops - loop_before, state.settings.loops),
            share(pool - pool_before, runtime.pool().workers()));
        line.show(text);
        pages_before = pages;
        loop_before = loops;
        pool_before = pool;
        before = now;
    }
}

} // namespace crawler
