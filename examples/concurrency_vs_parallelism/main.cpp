// Concurrency and parallelism, apart and together: the same job done four ways, with a table and a picture.
//
//     concurrency_vs_parallelism
//     concurrency_vs_parallelism --pages 100 --latency 80 --compute 4 --svg ways.svg --trace ways.json
//     concurrency_vs_parallelism --help          what it shows, and what to try
#include "examples/concurrency_vs_parallelism/options.hpp"
#include "examples/concurrency_vs_parallelism/picture.hpp"
#include "examples/concurrency_vs_parallelism/report.hpp"
#include "examples/concurrency_vs_parallelism/ways.hpp"

#include <tandem/observe/trace.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace four_ways;

// What is running, on a terminal; gone when it is done.
void show(const char* what) {
    if (isatty(STDERR_FILENO) != 1) return;
    std::fprintf(stderr, "\r%s\033[K", what);
    std::fflush(stderr);
}

void check_that_all_agree(const std::vector<way>& ways) {
    for (const way& w : ways)
        for (std::size_t i = 0; i < w.pages.size(); ++i)
            if (w.pages[i].checksum != ways[0].pages[i].checksum)
                throw std::runtime_error("the ways disagree about page " + std::to_string(i));
}

// 1, 2, 4, ... and `most`.
std::vector<std::size_t> thread_counts(std::size_t most) {
    std::vector<std::size_t> counts;
    for (std::size_t n = 1; n < most; n *= 2)
        counts.push_back(n);
    counts.push_back(most);
    return counts;
}

// Whatever else the machine does makes a run longer, never shorter: the fastest counts.
template <class F>
way fastest_of(std::size_t rounds, F run) {
    way best = run();
    for (std::size_t more = 1; more < rounds; ++more) {
        way again = run();
        if (again.wall < best.wall) best = std::move(again);
    }
    return best;
}

int compare(const options& o) {
    // Files first: what cannot be written is known before the work.
    std::ofstream svg;
    if (!o.svg.empty()) {
        svg.open(o.svg);
        if (!svg) throw std::runtime_error("cannot write " + o.svg);
    }
    std::optional<tandem::trace_to> trace;
    if (!o.trace.empty()) trace.emplace(o.trace);

    show("calibrating");
    const std::chrono::duration<double, std::milli> latency(o.latency_ms);
    const std::chrono::duration<double, std::milli> compute(o.compute_ms);
    const job j{o.pages, latency, compute, page_work(o.compute_ms)};

    std::vector<way> ways;
    show("1 of 4: one after the other");
    ways.push_back(fastest_of(o.rounds, [&] { return one_after_the_other(j); }));
    show("2 of 4: concurrent");
    ways.push_back(fastest_of(o.rounds, [&] { return concurrent_inline(j); }));
    show("3 of 4: parallel");
    ways.push_back(fastest_of(o.rounds, [&] { return blocking_threads(j, o.blocking_threads); }));
    show("4 of 4: in tandem");
    ways.push_back(fastest_of(o.rounds, [&] { return in_tandem(j, o.threads); }));
    if (trace) trace->stop();

    const std::vector<std::size_t> counts = thread_counts(o.threads);
    const std::size_t scaling_rounds = std::max<std::size_t>(o.rounds, 3);
    std::vector<way> scaling;
    for (const std::size_t n : counts) {
        show("in tandem, with more and more threads");
        scaling.push_back(fastest_of(scaling_rounds, [&] { return in_tandem(j, n); }));
    }
    show("");

    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
    const char* const no_color = std::getenv("NO_COLOR");
    print_table(j, ways, isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0'));
    print_amdahl(scaling, counts, scaling_rounds);
    if (!o.svg.empty()) {
        svg << picture(j, ways) << std::flush;
        if (!svg) throw std::runtime_error("cannot write " + o.svg);
        std::printf("\n%s: who did what, and when\n", o.svg.c_str());
    }
    if (trace) {
        std::printf("%s%s: %llu events of ways 2 and 4, for ui.perfetto.dev\n", o.svg.empty() ? "\n" : "",
                    o.trace.c_str(), static_cast<unsigned long long>(trace->events()));
        if (trace->dropped() != 0)
            std::printf("%llu events were dropped\n", static_cast<unsigned long long>(trace->dropped()));
    }
    check_that_all_agree(ways);
    if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write the table");
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        const options o = parse_options(std::vector<std::string>(argv + 1, argv + argc));
        if (o.help) {
            std::fputs(help_text, stdout);
            return 0;
        }
        return compare(o);
    } catch (const usage_error& e) {
        std::fprintf(stderr, "concurrency_vs_parallelism: %s\n", e.what());
        return 2;
    } catch (const std::exception& e) {
        show("");
        std::fprintf(stderr, "concurrency_vs_parallelism: %s\n", e.what());
        return 1;
    }
}
