#include "lib/net/punycode.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tandem::detail {

namespace {

// The names and values are RFC 3492's, section 5.
constexpr std::uint32_t base = 36;
constexpr std::uint32_t tmin = 1;
constexpr std::uint32_t tmax = 26;
constexpr std::uint32_t skew = 38;
constexpr std::uint32_t damp = 700;
constexpr std::uint32_t initial_bias = 72;
constexpr std::uint32_t initial_n = 0x80;

std::uint32_t adapt(std::uint64_t delta, std::uint64_t count, bool first) {
    delta = first ? delta / damp : delta / 2;
    delta += delta / count;
    std::uint32_t k = 0;
    while (delta > (base - tmin) * tmax / 2) {
        delta /= base - tmin;
        k += base;
    }
    return static_cast<std::uint32_t>(k + (base - tmin + 1) * delta / (delta + skew));
}

std::uint32_t threshold(std::uint32_t k, std::uint32_t bias) {
    return k <= bias ? tmin : std::min(k - bias, tmax);
}

char digit(std::uint64_t value) {
    return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

std::uint32_t digit_value(char c) {
    if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a');
    if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
    if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0' + 26);
    return base;
}

} // namespace

void append_punycode(std::string& out, std::u32string_view label) {
    const std::size_t start = out.size();
    for (const char32_t c : label) {
        if (c < initial_n) out += static_cast<char>(c);
    }
    const std::size_t basic = out.size() - start;
    if (basic > 0) out += '-';

    std::uint32_t n = initial_n;
    std::uint64_t delta = 0; // at most 0x110000 times the label's length: no overflow
    std::uint32_t bias = initial_bias;
    for (std::size_t handled = basic; handled < label.size();) {
        char32_t next = 0x110000;
        for (const char32_t c : label) {
            if (c >= n) next = std::min(next, c);
        }
        delta += std::uint64_t{next - n} * (handled + 1);
        n = next;
        for (const char32_t c : label) {
            if (c < n) ++delta;
            if (c != n) continue;
            std::uint64_t q = delta;
            for (std::uint32_t k = base;; k += base) {
                const std::uint32_t t = threshold(k, bias);
                if (q < t) break;
                out += digit(t + (q - t) % (base - t));
                q = (q - t) / (base - t);
            }
            out += digit(q);
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            ++handled;
        }
        ++delta;
        ++n;
    }
}

std::optional<std::u32string> decode_punycode(std::string_view text) {
    std::u32string label;
    if (const std::size_t delimiter = text.rfind('-'); delimiter != text.npos) {
        for (const char c : text.substr(0, delimiter)) {
            if (static_cast<unsigned char>(c) >= initial_n) return std::nullopt;
            label += static_cast<char32_t>(c);
        }
        text.remove_prefix(delimiter + 1);
    }

    std::uint64_t n = initial_n;
    std::uint64_t i = 0;
    std::uint32_t bias = initial_bias;
    constexpr std::uint64_t limit = std::uint64_t{1} << 40; // beyond any valid position, far from overflow
    for (std::size_t at = 0; at < text.size();) {
        const std::uint64_t old_i = i;
        std::uint64_t weight = 1;
        for (std::uint32_t k = base;; k += base) {
            if (at == text.size()) return std::nullopt;
            const std::uint32_t value = digit_value(text[at++]);
            if (value == base) return std::nullopt;
            i += value * weight;
            if (i > limit) return std::nullopt;
            const std::uint32_t t = threshold(k, bias);
            if (value < t) break;
            weight *= base - t;
            if (weight > limit) return std::nullopt;
        }
        const std::uint64_t count = label.size() + 1;
        bias = adapt(i - old_i, count, old_i == 0);
        n += i / count;
        i %= count;
        if (n > 0x10FFFF || (n >= 0xD800 && n <= 0xDFFF)) return std::nullopt;
        label.insert(label.begin() + static_cast<std::ptrdiff_t>(i), static_cast<char32_t>(n));
        ++i;
    }
    return label;
}

} // namespace tandem::detail
