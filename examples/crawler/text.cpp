#include "examples/crawler/text.hpp"

#include "examples/crawler/charset.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

namespace crawler {

namespace {

// Bytes of the UTF-8 sequence at the beginning of `text`; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return length <= text.size() && is_valid_utf8(text.substr(0, length)) ? length : 0;
}

bool is_harmless(std::string_view sequence) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
    switch (sequence.size()) {
    case 1:
        return byte(0) >= 0x20 && byte(0) != 0x7f;
    case 2:
        return byte(0) != 0xc2 || byte(1) >= 0xa0;
    case 3: { // U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069
        if (byte(0) != 0xe2) return true;
        const int low = (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
        return !(low == 0x0e || low == 0x0f || (low >= 0x28 && low <= 0x2e) || (low >= 0x66 && low <= 0x69));
    }
    default:
        return true;
    }
}

} // namespace

std::string printable(std::string_view text, std::size_t most) {
    std::string result;
    result.reserve(std::min(text.size(), most) + 3);
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        const std::size_t taken = std::max<std::size_t>(length, 1);
        if (result.size() + taken > most) return result += "...";
        if (length > 0 && is_harmless(text.substr(0, length)))
            result += text.substr(0, length);
        else
            result += '?';
        text.remove_prefix(taken);
    }
    return result;
}

bool stderr_is_terminal() {
    const char* const term = std::getenv("TERM"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    return isatty(STDERR_FILENO) == 1 && term && std::string_view(term) != "dumb";
}

void complain(std::string_view text) {
    std::fprintf(stderr, "%standem-crawl: %s\n", stderr_is_terminal() ? "\r\033[K" : "",
                 printable(text, 1000).c_str());
}

} // namespace crawler
