#include "lib/net/idna.hpp"

#include "lib/net/idna_tables.hpp"
#include "lib/net/punycode.hpp"
#include "lib/net/url_text.hpp"
#include "lib/net/utf8.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tandem::detail {

namespace {

struct label {
    std::u32string text; // as Unicode
    std::string ascii;   // filled when it came as xn--, and kept as it came
};

bool is_ascii(std::u32string_view text) {
    return std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x80; });
}

// UTS #46, section 4.1, less what the way here already guarantees: the text is normalized, holds no dot and
// only allowed code points.
bool is_valid_label(std::u32string_view text) {
    if (text.empty()) return true;
    if (is_mark(text.front())) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_joiner(text[i]) && !is_joiner_allowed(text, i)) return false;
    }
    return true;
}

// Takes an "xn--" label apart, which must be exactly what encoding its content gives.
bool decode_label(label& value) {
    if (!is_ascii(value.text)) return false;
    value.ascii.assign(value.text.begin(), value.text.end());
    auto decoded = decode_punycode(std::string_view(value.ascii).substr(4));
    if (!decoded || is_ascii(*decoded) || decoded->starts_with(U"xn--")) return false;

    std::u32string mapped;
    for (const char32_t c : *decoded) {
        if (!append_mapped(mapped, c)) return false;
    }
    if (!normalize(mapped) || mapped != *decoded) return false;
    std::string again = "xn--";
    append_punycode(again, *decoded);
    value.text = std::move(*decoded);
    return again == value.ascii;
}

// RFC 5893, section 2: the six rules for a label of a domain in which something is written from right to
// left.
bool satisfies_bidi_rule(const std::vector<bidi_class>& classes) {
    if (classes.empty()) return true;
    const auto has = [&classes](bidi_class c) {
        return std::find(classes.begin(), classes.end(), c) != classes.end();
    };
    auto last = classes.rbegin();
    while (last != classes.rend() && *last == bidi_class::mark)
        ++last;
    if (last == classes.rend()) return false;
    if (classes.front() == bidi_class::right) {
        const bool end_fits = *last == bidi_class::right || *last == bidi_class::european_number ||
                              *last == bidi_class::arabic_number;
        const bool numbers_mixed = has(bidi_class::european_number) && has(bidi_class::arabic_number);
        return end_fits && !numbers_mixed && !has(bidi_class::left);
    }
    const bool end_fits = *last == bidi_class::left || *last == bidi_class::european_number;
    return classes.front() == bidi_class::left && end_fits && !has(bidi_class::right) &&
           !has(bidi_class::arabic_number);
}

bool satisfies_bidi_rule(const std::vector<label>& labels) {
    if (std::none_of(labels.begin(), labels.end(), [](const label& value) {
            return std::any_of(value.text.begin(), value.text.end(), is_in_right_block);
        })) {
        return true;
    }
    std::vector<std::vector<bidi_class>> classes(labels.size());
    bool bidi = false;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        for (const char32_t c : labels[i].text) {
            classes[i].push_back(bidi_class_of(c));
            bidi = bidi || classes[i].back() == bidi_class::right ||
                   classes[i].back() == bidi_class::arabic_number;
        }
    }
    return !bidi || std::all_of(classes.begin(), classes.end(),
                                [](const auto& list) { return satisfies_bidi_rule(list); });
}

bool map_domain(std::string_view domain, std::u32string& out) {
    std::size_t count = 0;
    while (!domain.empty()) {
        const utf8_step step = decode_utf8(domain);
        domain.remove_prefix(step.size);
        if (!step.ok || ++count > max_unicode_domain) return false;
        if (!append_mapped(out, step.code_point) || out.size() > max_unicode_domain) return false;
    }
    return normalize(out);
}

} // namespace

std::optional<std::string> domain_to_ascii(std::string_view domain) {
    std::string ascii;
    if (std::none_of(domain.begin(), domain.end(),
                     [](char c) { return (url_byte_of(c) & not_ascii) != 0; })) {
        ascii.resize(domain.size());
        std::transform(domain.begin(), domain.end(), ascii.begin(), to_lower);
        return ascii;
    }

    std::u32string mapped;
    if (!map_domain(domain, mapped)) return std::nullopt;

    std::vector<label> labels;
    for (std::size_t begin = 0; begin <= mapped.size();) {
        const std::size_t end = std::min(mapped.find(U'.', begin), mapped.size());
        labels.push_back({mapped.substr(begin, end - begin), {}});
        begin = end + 1;
        label& last = labels.back();
        if (last.text.starts_with(U"xn--") && !decode_label(last)) return std::nullopt;
        if (!is_valid_label(last.text)) return std::nullopt;
    }
    if (!satisfies_bidi_rule(labels)) return std::nullopt;

    for (const label& value : labels) {
        if (&value != labels.data()) ascii += '.';
        if (!value.ascii.empty()) {
            ascii += value.ascii;
        } else if (is_ascii(value.text)) {
            ascii.append(value.text.begin(), value.text.end());
        } else {
            ascii += "xn--";
            append_punycode(ascii, value.text);
        }
    }
    return ascii;
}

} // namespace tandem::detail
