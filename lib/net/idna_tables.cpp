#include "lib/net/idna_tables.hpp"

#include "lib/net/punycode.hpp"
#include "lib/net/url_text.hpp"
#include "lib/net/utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <optional>
#include <utility>

#include <idn2.h>

namespace tandem::detail {

namespace {

// A letter that is valid, composes with nothing, reorders nothing and has no special bidi class: the frame of
// questions.
constexpr char32_t frame = 0x4E2D;

struct range {
    char32_t first;
    char32_t last;
};

template <std::size_t N>
bool contains(const range (&ranges)[N], char32_t c) {
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [c](const range& r) { return c >= r.first && c <= r.last; });
}

int lookup(std::u32string_view text, int flags, std::string* out = nullptr) {
    std::string utf8;
    for (const char32_t c : text)
        append_utf8(utf8, c);
    std::uint8_t* ascii = nullptr;
    const int code = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(utf8.c_str()), &ascii, flags);
    if (code == IDN2_MALLOC) throw std::bad_alloc();
    if (code == IDN2_OK && out != nullptr) *out = reinterpret_cast<const char*>(ascii);
    idn2_free(ascii);
    return code;
}

// Transitional processing maps and normalizes without the checks of IDNA2008, which are stricter than UTS
// #46. It differs in the four deviation characters only, which never get here.
constexpr int map_flags = IDN2_TRANSITIONAL | IDN2_NFC_INPUT | IDN2_NO_ALABEL_ROUNDTRIP;
constexpr int strict_flags = IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT | IDN2_NO_ALABEL_ROUNDTRIP;

bool is_deviation(char32_t c) {
    return c == 0xDF || c == 0x3C2 || is_joiner(c);
}

// Maps and normalizes `text`, which holds no deviation character, in a frame.
std::optional<std::u32string> map_framed(std::u32string_view text) {
    std::u32string framed;
    (framed += frame).append(text) += frame;
    std::string ascii;
    if (lookup(framed, map_flags, &ascii) != IDN2_OK) return std::nullopt;

    std::u32string mapped;
    std::string_view rest = ascii;
    while (true) {
        std::string_view label = rest.substr(0, rest.find('.'));
        rest.remove_prefix(label.size());
        if (label.starts_with("xn--")) {
            const auto decoded = decode_punycode(label.substr(4));
            if (!decoded) return std::nullopt;
            mapped += *decoded;
        } else {
            for (const char c : label)
                mapped += static_cast<unsigned char>(c);
        }
        if (rest.empty()) break;
        mapped += U'.';
        rest.remove_prefix(1);
    }
    if (mapped.size() < 2 || mapped.front() != frame || mapped.back() != frame) return std::nullopt;
    return mapped.substr(1, mapped.size() - 2);
}

// Unicode 15.1 and 16 made mapped or ignored what libidn2's older tables disallow or map otherwise.
struct replacement {
    char32_t from;
    char32_t to;
};
constexpr replacement newer_mappings[] = {
    {0x04C0, 0x04CF},  {0x1E9E, 0x00DF},   {0x2132, 0x214E},  {0x2183, 0x2184},  {0x2F868, 0x36FC},
    {0x2F874, 0x5F53}, {0x2F91F, 0x243AB}, {0x2F95F, 0x7AEE}, {0x2F9BF, 0x45D7},
};
constexpr range newer_ignored[] = {{0x180E, 0x180E}, {0x206A, 0x206F}};

// Hangul vowels and trailing consonants: they compose with what stands before them although they are letters.
constexpr range trailing_jamo[] = {{0x1161, 0x1175}, {0x11A8, 0x11C2}};

bool joins_backward(char32_t c) {
    return contains(trailing_jamo, c) || is_mark(c);
}

// Bidi classes from the Unicode character database; the blocks of right-to-left scripts, less the exceptions
// in them.
constexpr range right_blocks[] = {
    {0x590, 0x8FF}, {0xFB1D, 0xFDFF}, {0xFE70, 0xFEFE}, {0x10800, 0x10FFF}, {0x1E800, 0x1EFFF}};
constexpr range left_symbols[] = {
    {0x1100, 0x11FF}, {0x2800, 0x28FF}, {0x3131, 0x3191}, {0xA960, 0xA97C}, {0xD7B0, 0xD7FB}};
constexpr range arabic_numbers[] = {{0x600, 0x605}, {0x660, 0x669}, {0x66B, 0x66C},     {0x6DD, 0x6DD},
                                    {0x890, 0x891}, {0x8E2, 0x8E2}, {0x10D30, 0x10D39}, {0x10E60, 0x10E7E}};
constexpr range neutral_in_blocks[] = {
    {0x606, 0x607},   {0x609, 0x60A},   {0x60C, 0x60C},     {0x60E, 0x60F},     {0x66A, 0x66A},
    {0x6DE, 0x6DE},   {0x6E9, 0x6E9},   {0x7F6, 0x7F9},     {0xFB29, 0xFB29},   {0xFD3E, 0xFD4F},
    {0xFDCF, 0xFDCF}, {0xFDFD, 0xFDFF}, {0x1091F, 0x1091F}, {0x10B39, 0x10B3F}, {0x1EEF0, 0x1EEF1}};

} // namespace

bool append_mapped(std::u32string& out, char32_t code_point) {
    if (code_point < 0x80) {
        out += static_cast<unsigned char>(to_lower(static_cast<char>(code_point)));
        return true;
    }
    if (is_deviation(code_point)) {
        out += code_point;
        return true;
    }
    for (const replacement& r : newer_mappings) {
        if (code_point == r.from) {
            out += r.to;
            return true;
        }
    }
    if (code_point >= 0x10A0 && code_point <= 0x10C5) { // Georgian capitals
        out += code_point - 0x10A0 + 0x2D00;
        return true;
    }
    if (contains(newer_ignored, code_point)) return true;
    const auto mapped = map_framed(std::u32string_view(&code_point, 1));
    if (mapped) out += *mapped;
    return mapped.has_value();
}

bool is_mark(char32_t code_point) {
    if (code_point < 0x300 || is_deviation(code_point)) return false;
    const char32_t question[] = {code_point, frame};
    return lookup({question, 2}, map_flags) == IDN2_LEADING_COMBINING;
}

bool normalize(std::u32string& text) {
    // Each character is already normalized by itself (mapping does that), so that only a run of characters
    // which may combine or reorder needs work.
    std::u32string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i + 1;
        while (end < text.size() && text[end] >= 0x300 && joins_backward(text[end]))
            ++end;
        if (end - i > 1) {
            // A dot would split the label and a deviation character be mapped; marks combine with neither.
            const bool keep = text[i] == U'.' || is_deviation(text[i]);
            if (keep) out += text[i++];
            const auto composed = map_framed(std::u32string_view(text).substr(i, end - i));
            if (!composed) return false;
            out += *composed;
        } else {
            out += text[i];
        }
        i = end;
    }
    text = std::move(out);
    return true;
}

bool is_joiner_allowed(std::u32string_view label, std::size_t position) {
    // The rules look at the neighbours, and past marks at the next letters, so that a window of the label is
    // enough; a whole one could be refused for its other characters or its length.
    constexpr std::size_t reach = 8;
    std::size_t begin = position;
    while (begin > 0 && position - begin < reach && (begin == position || is_mark(label[begin])))
        --begin;
    std::size_t end = position + 1;
    while (end < label.size() && end - position <= reach && (end == position + 1 || is_mark(label[end - 1])))
        ++end;

    std::u32string question;
    auto passes = [&question] {
        const int code = lookup(question, strict_flags);
        return code == IDN2_OK || code == IDN2_BIDI; // the latter is looked at after the joiners
    };
    (question += frame).append(label.substr(begin, position + 1 - begin)) += frame;
    if (passes()) return true; // after a virama, whatever follows
    question = label.substr(begin, end - begin);
    return passes();
}

bool is_in_right_block(char32_t code_point) {
    return contains(right_blocks, code_point);
}

bidi_class bidi_class_of(char32_t code_point) {
    if (code_point < 0x80) {
        const unsigned bits = url_byte_of(static_cast<char>(code_point));
        if ((bits & is_letter) != 0) return bidi_class::left;
        return (bits & is_digit) != 0 ? bidi_class::european_number : bidi_class::other;
    }
    if (contains(arabic_numbers, code_point)) return bidi_class::arabic_number;
    if (code_point >= 0x6F0 && code_point <= 0x6F9) return bidi_class::european_number;
    if (is_joiner(code_point)) return bidi_class::other;
    if (is_in_right_block(code_point)) {
        if (is_mark(code_point)) return bidi_class::mark;
        return contains(neutral_in_blocks, code_point) ? bidi_class::other : bidi_class::right;
    }
    // libidn2 applies the rule to what IDNA2008 permits: between two Hebrew letters only a left-to-right
    // character hurts. The rest are symbols, most of them neutral, and characters too new for its IDNA2008
    // tables, most of them letters.
    const char32_t question[] = {0x5D0, code_point, 0x5D0};
    const int verdict = lookup({question, 3}, strict_flags);
    if (verdict == IDN2_BIDI) return bidi_class::left;
    if (is_mark(code_point)) return bidi_class::mark;
    const bool left = verdict == IDN2_UNASSIGNED || contains(left_symbols, code_point);
    return left ? bidi_class::left : bidi_class::other;
}

} // namespace tandem::detail
