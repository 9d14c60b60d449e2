// What tasks, joins, channels, locks and timers cost, beside Asio's own and Python's asyncio, in one run.
//
//     build/release/bench/bench_concurrency [--rounds N] [--filter TEXT] [--json FILE] [--no-python]
//
// Rounds are interleaved: each runs every toolkit's version of a case, one right after the other. The table
// has medians: nanoseconds for one operation, and heap allocations for one operation in brackets.
#include "bench/concurrency/cases.hpp"
#include "bench/options.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <optional>

namespace {

class reading {
public:
    reading() {
        timespec t{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        cpu_ns = static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
        clock_gettime(CLOCK_MONOTONIC, &t);
        wall_ns = static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
        allocated = static_cast<double>(bench::allocations());
    }
    double cpu_ns = 0;
    double wall_ns = 0;
    double allocated = 0;
};

std::optional<reading> begun;
std::optional<reading> ended;

class samples {
public:
    std::vector<double> ns;
    std::vector<double> allocated;
};

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void measure(const bench::bench_case& one, samples& into) {
    begun.reset();
    ended.reset();
    one.run(one.n);
    if (!begun || !ended) {
        std::fprintf(stderr, "bench: %s did not measure anything\n", one.name.c_str());
        std::exit(1);
    }
    const double n = static_cast<double>(one.n);
    const double spent =
        one.kind == bench::clock_kind::cpu ? ended->cpu_ns - begun->cpu_ns : ended->wall_ns - begun->wall_ns;
    into.ns.push_back(spent / n);
    into.allocated.push_back((ended->allocated - begun->allocated) / n);
}

// Empty when Python is not there.
std::map<std::string, double> ask_python() {
    std::map<std::string, double> found;
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
        popen("python3 '" TANDEM_SOURCE_DIR "/bench/concurrency/asyncio_cases.py'", "r"), pclose);
    if (!pipe) return found;
    std::string text;
    std::array<char, 4096> buffer{};
    while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe.get()))
        text.append(buffer.data(), got);
    boost::system::error_code ec;
    const boost::json::value parsed = boost::json::parse(text, ec);
    if (ec || !parsed.is_object()) return found;
    for (const auto& [name, ns] : parsed.as_object())
        found.emplace(std::string(name), ns.to_number<double>());
    return found;
}

} // namespace

void bench::begin_measuring() {
    begun.emplace();
}
void bench::end_measuring() {
    ended.emplace();
}

int main(int argc, char** argv) {
    std::size_t rounds = 7;
    std::string filter;
    std::string json_file;
    bool python = true;
    bench::option_parser("[--rounds N] [--filter TEXT] [--json FILE] [--no-python]")
        .count("--rounds", rounds)
        .text("--filter", filter)
        .text("--json", json_file)
        .flag("--no-python", python, false)
        .parse(argc, argv);

    const std::vector<bench::bench_case> ours = bench::tandem_cases();
    const std::vector<bench::bench_case> theirs = bench::asio_cases();
    std::map<std::string, samples> tandem_results;
    std::map<std::string, samples> asio_results;
    std::map<std::string, samples> asyncio_results;
    for (std::size_t round = 0; round < rounds; ++round) {
        for (const bench::bench_case& one : ours) {
            if (one.name.find(filter) == std::string::npos) continue;
            measure(one, tandem_results[one.name]);
            for (const bench::bench_case& peer : theirs)
                if (peer.name == one.name) measure(peer, asio_results[one.name]);
        }
        if (python && round % 3 == 0)
            for (const auto& [name, ns] : ask_python())
                asyncio_results[name].ns.push_back(ns);
    }

    boost::json::array rows;
    std::printf("%-36s %18s %20s %10s %8s %9s\n", "ns for one operation (allocations)", "tandem", "Asio",
                "asyncio", "x Asio", "x asyncio");
    for (const bench::bench_case& one : ours) {
        const auto found = tandem_results.find(one.name);
        if (found == tandem_results.end()) continue;
        const double ns = median(found->second.ns);
        const double allocated = median(found->second.allocated);
        boost::json::object row{{"case", one.name}, {"tandem_ns", ns}, {"tandem_allocations", allocated}};
        std::printf("%-36s %10.1f (%4.2f) ", one.name.c_str(), ns, allocated);
        double asio_ns = 0;
        if (const auto peer = asio_results.find(one.name); peer != asio_results.end()) {
            asio_ns = median(peer->second.ns);
            const double asio_allocated = median(peer->second.allocated);
            std::printf("%12.1f (%5.2f) ", asio_ns, asio_allocated);
            row["asio_ns"] = asio_ns;
            row["asio_allocations"] = asio_allocated;
        } else {
            std::printf("%20s ", "-");
        }
        double asyncio_ns = 0;
        if (const auto peer = asyncio_results.find(one.name);
            peer != asyncio_results.end() && !peer->second.ns.empty()) {
            asyncio_ns = median(peer->second.ns);
            row["asyncio_ns"] = asyncio_ns;
            std::printf("%10.0f ", asyncio_ns);
        } else {
            std::printf("%10s ", "-");
        }
        if (asio_ns > 0)
            std::printf("%8.2f ", ns / asio_ns);
        else
            std::printf("%8s ", "-");
        if (asyncio_ns > 0)
            std::printf("%9.3f\n", ns / asyncio_ns);
        else
            std::printf("%9s\n", "-");
        rows.push_back(std::move(row));
    }
    if (!json_file.empty()) {
        const std::string text = boost::json::serialize(rows);
        const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(json_file.c_str(), "w"), std::fclose);
        if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) {
            std::fprintf(stderr, "bench: cannot write %s\n", json_file.c_str());
            return 3;
        }
    }
}
