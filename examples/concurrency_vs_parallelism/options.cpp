#include "examples/concurrency_vs_parallelism/options.hpp"

#include "examples/concurrency_vs_parallelism/work.hpp"

#include <charconv>

namespace four_ways {

const char* const help_text =
    "usage: concurrency_vs_parallelism [OPTION]...\n"
    "\n"
    "The same job, done four ways: N pages are asked for; each answer takes L ms to arrive, and\n"
    "then costs C ms of computing. Waiting needs no processor, computing needs a whole one.\n"
    "\n"
    "  1  one after the other        N x (L + C)    waits for one page, computes it, then the next\n"
    "  2  concurrent, on one loop    L + N x C      waits for all at once, computes one by one: and\n"
    "                                               while it computes, nothing else on the loop moves\n"
    "  3  parallel threads that block  N x (L + C) / T   each of T threads does as in 1\n"
    "  4  in tandem: loop and pool   L + N x C / T  waits for all at once, computes on T threads\n"
    "\n"
    "Concurrency (2) shortens the waiting, parallelism (3) shares out the whole. Only the two in\n"
    "tandem (4) shorten both, each by its own means, and the step between them is one line:\n"
    "\n"
    "    co_await tandem::sleep_for(latency);             // waits on the loop\n"
    "    co_await tandem::offload(compute, page);         // computes on the pool\n"
    "\n"
    "  --pages N             pages (40)\n"
    "  --latency L           ms until an answer arrives (50)\n"
    "  --compute C           ms of CPU time for each page; real computing, calibrated (5)\n"
    "  --threads T           threads of the pool, and of way 3 (as many as there are cores)\n"
    "  --blocking-threads T  threads of way 3 only\n"
    "  --rounds N            each way N times; the fastest is shown (1)\n"
    "  --svg FILE            draws what each page and each thread did, and when\n"
    "  --trace FILE          a timeline of ways 2 and 4, for ui.perfetto.dev\n"
    "  --help                this text\n"
    "\n"
    "What to try, and what it shows:\n"
    "  --compute 0.05           hardly any computing: 2 is as good as 4; a pool has nothing to do\n"
    "  --latency 0              no waiting: 2 is as slow as 1, and 3 as good as 4\n"
    "  --blocking-threads 40    a thread for each page: 3 comes near 4, with 40 stacks instead of a\n"
    "                           few, until there are more pages than the system gives threads\n"
    "  --pages 1000 --compute 1 the loop stall of 2 grows with the pages, that of 4 does not\n"
    "\n"
    "The table: `expected` is the formula above, `cores busy` the CPU time of the process per second,\n"
    "`loop stall p99` how late 99 % of the timers on the loop are at most, one due each ms. Below it, way 4\n"
    "with 1, 2, ... threads beside Amdahl's law: what the measured share that is not computing\n"
    "permits, 1 / (s + (1 - s) / T).\n"
    "\n"
    "Colour only on a terminal, and not with NO_COLOR. Exit code: 0; 1 when a file cannot be\n"
    "written or the ways disagree; 2 for wrong use.\n";

namespace {

template <class T>
T number(const std::string& name, const std::string& text, T least, T most) {
    T value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || !(value >= least && value <= most))
        throw usage_error(name + " takes a number from " + std::to_string(static_cast<long>(least)) + " to " +
                          std::to_string(static_cast<long>(most)) + ", not '" + text.substr(0, 60) + "'");
    return value;
}

} // namespace

options parse_options(const std::vector<std::string>& arguments) {
    options o;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--help" || argument == "-h") {
            o.help = true;
            return o;
        }
        const std::size_t equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        const auto value = [&]() -> std::string {
            if (equals != std::string::npos) return argument.substr(equals + 1);
            if (i + 1 == arguments.size()) throw usage_error(name + " takes a value");
            return arguments[++i];
        };
        if (name == "--pages")
            o.pages = number<std::size_t>(name, value(), 1, 100'000);
        else if (name == "--latency")
            o.latency_ms = number<double>(name, value(), 0, 60'000);
        else if (name == "--compute")
            o.compute_ms = number<double>(name, value(), 0, 60'000);
        else if (name == "--threads")
            o.threads = number<std::size_t>(name, value(), 1, 1'000);
        else if (name == "--blocking-threads")
            o.blocking_threads = number<std::size_t>(name, value(), 1, 10'000);
        else if (name == "--rounds")
            o.rounds = number<std::size_t>(name, value(), 1, 1'000);
        else if (name == "--svg")
            o.svg = value();
        else if (name == "--trace")
            o.trace = value();
        else
            throw usage_error("no such option: " + argument.substr(0, 60) + " (--help lists them)");
    }
    if (o.threads == 0) o.threads = cores();
    if (o.blocking_threads == 0) o.blocking_threads = o.threads;
    return o;
}

} // namespace four_ways
