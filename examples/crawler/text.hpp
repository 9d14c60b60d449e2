// Text from the network, made fit for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace crawler {

/// Control characters (escape sequences) replaced by `?`, cut to `most` bytes.
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t most = 300) {
    std::string result(text.substr(0, most));
    for (char& c : result)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    if (text.size() > most) result += "...";
    return result;
}

} // namespace crawler
