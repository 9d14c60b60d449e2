// What the companion pool costs, beside its peers, in one run.
//
//     build/release/bench/bench_pool [--rounds N] [--filter TEXT] [--toolkit NAME] [--json FILE]
//     [--no-python]
//
// Rounds are interleaved: each runs every toolkit's version of a group of cases, one right after the other,
// beginning with another one every time. The table has medians over the rounds or, with --best, the best of
// them: less is changed in those by other work on the machine, with which the figures hold as ratios only.
#include "bench/options.hpp"
#include "bench/pool/cases.hpp"
#include "bench/pool/queue_cases.hpp"
#include "bench/pool/results.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

class arguments {
public:
    arguments(int argc, char** argv) {
        std::string memory; // in a process that a memory case started
        bench::option_parser(
            "[--rounds N] [--filter TEXT] [--toolkit NAME] [--json FILE] [--best] [--no-python]")
            .count("--rounds", rounds)
            .text("--filter", filter)
            .text("--toolkit", toolkit)
            .text("--json", json)
            .flag("--best", best)
            .flag("--no-python", python, false)
            .text("--memory", memory)
            .parse(argc, argv);
        if (!memory.empty()) std::exit(bench::report_memory(memory));
    }

    bool wants(const bench::bench_case& one) const {
        return one.group.find(filter) != std::string::npos && (toolkit.empty() || one.toolkit == toolkit);
    }

    std::size_t rounds = 5;
    std::string filter;
    std::string toolkit;
    std::string json;
    bool best = false;
    bool python = true;
};

bench::cases wanted_cases(const arguments& options) {
    bench::cases all;
    bench::add_tandem_cases(all);
    bench::add_tandem_offload_cases(all);
#ifdef TANDEM_BENCH_TBB
    bench::add_tbb_cases(all);
#endif
#ifdef TANDEM_BENCH_OPENMP
    bench::add_openmp_cases(all);
#endif
    bench::add_asio_cases(all);
    bench::add_async_cases(all);
    bench::add_one_thread_cases(all);
    bench::add_memory_cases(all);
    std::erase_if(all, [&](const auto& one) { return !options.wants(one); });
    return all;
}

} // namespace

void bench::check(bool right, std::string_view what) {
    if (right) return;
    std::fprintf(stderr, "bench: a wrong result, or none: %.*s\n", static_cast<int>(what.size()),
                 what.data());
    std::exit(1);
}

int main(int argc, char** argv) {
    const arguments options(argc, argv);
    const bench::cases all = wanted_cases(options);
    std::vector<std::string> groups;
    for (const auto& one : all)
        if (std::find(groups.begin(), groups.end(), one.group) == groups.end()) groups.push_back(one.group);

    bench::results found;
    const auto noting = [&found](std::string_view toolkit) {
        return [&found, toolkit](std::string_view row, std::string_view unit, double value) {
            found.add(row, unit, toolkit, value);
        };
    };
    for (std::size_t round = 0; round < options.rounds; ++round) {
        for (const std::string& group : groups) {
            std::vector<const bench::bench_case*> rivals;
            for (const auto& one : all)
                if (one.group == group) rivals.push_back(&one);
            std::rotate(rivals.begin(), rivals.begin() + static_cast<std::ptrdiff_t>(round % rivals.size()),
                        rivals.end());
            for (const bench::bench_case* const one : rivals) {
                bench::settle();
                one->run(noting(one->toolkit));
            }
        }
        const bool ask = options.python && options.filter.empty() && options.toolkit.empty();
        if (ask && round % 3 == 0) bench::add_python_results(noting("futures"), noting("joblib"));
    }
    found.print(options.best);
    if (!options.json.empty() && !found.save(options.json)) {
        std::fprintf(stderr, "bench: cannot write %s\n", options.json.c_str());
        return 3;
    }
}
