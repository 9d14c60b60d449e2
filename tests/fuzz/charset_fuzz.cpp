// Text of any encoding becomes UTF-8 that is valid, and not much longer.
#include "tests/fuzz/fuzz.hpp"

#include "lib/http/charset.hpp"

#include <array>
#include <string>

using namespace tandem::http;

namespace {

// The input's first byte chooses; beyond the list it says how long a label of the input's own is.
constexpr std::array<std::string_view, 12> labels = {"utf-8",    "",         "iso-8859-1", "windows-1252",
                                                     "utf-16le", "utf-16be", "shift_jis",  "gb2312",
                                                     "euc-kr",   "big5",     "koi8-r",     "iso-2022-jp"};

// By the table of RFC 3629, 4.
bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = [&](std::size_t i) {
            return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
        };
        const unsigned first = byte(0);
        std::size_t length = 1;
        unsigned least = 0x80;
        unsigned most = 0xbf;
        if (first >= 0x80) {
            if (first < 0xc2 || first > 0xf4) return false;
            length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
            if (first == 0xe0) least = 0xa0;
            if (first == 0xed) most = 0x9f;
            if (first == 0xf0) least = 0x90;
            if (first == 0xf4) most = 0x8f;
            if (byte(1) < least || byte(1) > most) return false;
            for (std::size_t i = 2; i < length; ++i)
                if (byte(i) < 0x80 || byte(i) > 0xbf) return false;
        }
        at += length;
    }
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    std::string_view input = fuzz::text(data + 1, size - 1);
    std::string_view label;
    if (data[0] < labels.size()) {
        label = labels[data[0]];
    } else {
        label = input.substr(0, data[0] % 16);
        input.remove_prefix(label.size());
    }
    const std::string text = decode_text(input, label);
    fuzz::require(is_utf8(text));
    fuzz::require(text.size() <= 3 * input.size() + 3);
    return 0;
}
