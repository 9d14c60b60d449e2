// "host:port" and "[v6]:port".
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::http {

class host_port {
public:
    host_port(std::string_view h, std::uint16_t p) : host(h), port(p) {}

    [[nodiscard]] static std::optional<host_port> parse(std::string_view text) {
        const std::size_t colon = text.rfind(':');
        if (colon == std::string_view::npos || colon == 0) return std::nullopt;
        std::uint16_t number = 0;
        const char* const end = text.data() + text.size();
        const auto read = std::from_chars(text.data() + colon + 1, end, number);
        if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
        std::string_view name = text.substr(0, colon);
        if (name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
        if (name.empty()) return std::nullopt;
        return host_port(name, number);
    }

    std::string host; // without brackets
    std::uint16_t port;
};

} // namespace tandem::http
