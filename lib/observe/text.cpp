#include "lib/observe/text.hpp"

#include <array>
#include <cstdio>

namespace tandem::detail {

std::string duration_text(std::chrono::nanoseconds duration) {
    const auto ns = static_cast<double>(duration.count());
    std::array<char, 64> text{};
    if (ns < 1e6)
        std::snprintf(text.data(), text.size(), "%.0f us", ns / 1e3);
    else if (ns < 1e9)
        std::snprintf(text.data(), text.size(), "%.1f ms", ns / 1e6);
    else if (ns < 120e9)
        std::snprintf(text.data(), text.size(), "%.2f s", ns / 1e9);
    else
        std::snprintf(text.data(), text.size(), "%lld h %lld min",
                      static_cast<long long>(duration.count() / 3'600'000'000'000),
                      static_cast<long long>(duration.count() / 60'000'000'000 % 60));
    return text.data();
}

std::string frame_text(const task_frame& frame) {
    if (frame.line == 0) return "";
    std::string text = frame.function;
    if (!text.empty()) text += " at ";
    return text + frame.file + ":" + std::to_string(frame.line);
}

std::string task_text(std::uint64_t id, const std::string& name) {
    if (id == 0) return "a task that has not waited yet" + (name.empty() ? "" : " (" + name + ")");
    std::string text(1, '#'); // not "#" + ...: g++ 12 warns of its own string code at -O3
    text += std::to_string(id);
    if (!name.empty()) text += " " + name;
    return text;
}

} // namespace tandem::detail
