#include "examples/concurrency_vs_parallelism/report.hpp"

#include <algorithm>
#include <cstdio>

namespace four_ways {

std::string seconds_text(double seconds) {
    char text[32];
    if (seconds < 0.01)
        std::snprintf(text, sizeof(text), "%.1f ms", seconds * 1e3);
    else if (seconds < 1)
        std::snprintf(text, sizeof(text), "%.0f ms", seconds * 1e3);
    else
        std::snprintf(text, sizeof(text), "%.2f s", seconds);
    return text;
}

void print_table(const job& j, std::span<const way> ways, bool color) {
    const char* const strong = color ? "\033[1m" : "";
    const char* const plain = color ? "\033[0m" : "";
    std::printf("%zu pages; each takes %s to arrive, then %s of computing; %zu %s\n\n", j.pages,
                seconds_text(j.latency.count()).c_str(), seconds_text(j.compute.count()).c_str(), cores(),
                cores() == 1 ? "core" : "cores");
    std::printf("%s%-42s %8s %8s %9s %8s %11s %15s%s\n", strong, "", "wall", "expected", "speed-up",
                "threads", "cores busy", "loop stall p99", plain);
    const way* const fastest = &*std::ranges::min_element(ways, {}, &way::wall);
    for (std::size_t i = 0; i < ways.size(); ++i) {
        const way& w = ways[i];
        const auto stall = w.stall_p99();
        std::printf("%s%zu  %-39s %8s %8s %8.1fx %8zu %11.2f %15s%s\n", &w == fastest ? strong : "", i + 1,
                    w.name.c_str(), seconds_text(w.wall).c_str(), seconds_text(w.expected).c_str(),
                    ways[0].wall / w.wall, w.threads, w.cpu / w.wall,
                    stall ? seconds_text(*stall).c_str() : "-", &w == fastest ? plain : "");
    }
}

void print_amdahl(std::span<const way> tandem, std::span<const std::size_t> threads, std::size_t rounds) {
    const way& one = tandem[0];
    const double serial = std::clamp(1 - one.computing() / one.wall, 0.0, 1.0);
    std::printf(
        "\nAmdahl's law, for way 4: with one pool thread %s of %s pass without computing (waiting, and\n"
        "handing over). That share, %.1f %%, does not shrink with more threads; the rest may.\n"
        "(The fastest of %zu runs each.)\n\n"
        "%14s %8s %9s %13s\n",
        seconds_text(serial * one.wall).c_str(), seconds_text(one.wall).c_str(), serial * 100, rounds,
        "pool threads", "wall", "speed-up", "Amdahl's law");
    for (std::size_t i = 0; i < tandem.size(); ++i) {
        const double law = 1 / (serial + (1 - serial) / static_cast<double>(threads[i]));
        std::printf("%14zu %8s %8.2fx %12.2fx%s\n", threads[i], seconds_text(tandem[i].wall).c_str(),
                    one.wall / tandem[i].wall, law,
                    threads[i] > cores() ? "  (more threads than cores)" : "");
    }
    if (serial > 0) std::printf("%14s %8s %9s %12.2fx\n", "without end", "", "", 1 / serial);
}

} // namespace four_ways
