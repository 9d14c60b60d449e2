#include "lib/net/host.hpp"

#include "lib/net/idna.hpp"
#include "lib/net/url_text.hpp"
#include "tandem/net/percent.hpp"

#include <charconv>
#include <cstddef>
#include <utility>

namespace tandem::detail {

namespace {

template <class Integer>
void append_number(std::string& out, Integer value, int base) {
    std::array<char, 16> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, base).ptr;
    out.append(text.data(), end);
}

// One number of an IPv4 address; what does not fit 32 bits comes out as 2^32 or more. Nothing when it is no
// number.
std::optional<std::uint64_t> parse_ipv4_number(std::string_view text) {
    if (text.empty()) return std::nullopt;
    unsigned base = 10;
    if (text.size() >= 2 && text[0] == '0' && to_lower(text[1]) == 'x') {
        base = 16;
        text.remove_prefix(2);
    } else if (text.size() >= 2 && text[0] == '0') {
        base = 8;
        text.remove_prefix(1);
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        const int digit = hex_value(c);
        if (digit < 0 || static_cast<unsigned>(digit) >= base) return std::nullopt;
        if (value <= UINT32_MAX) value = value * base + static_cast<unsigned>(digit);
    }
    return value;
}

// Section 3.5, "ends in a number": then the domain must be an IPv4 address.
bool ends_in_number(std::string_view domain) {
    if (domain.ends_with('.')) domain.remove_suffix(1);
    if (domain.empty()) return false;
    const std::string_view last = domain.substr(domain.rfind('.') + 1);
    if (last.empty() || (url_byte_of(last.front()) & is_digit) == 0) return false;
    return last.find_first_not_of("0123456789") == last.npos || parse_ipv4_number(last).has_value();
}

// `out` from `start` on is an ASCII domain in lower case.
host_kind finish_domain(std::string& out, std::size_t start) {
    const std::string_view domain = std::string_view(out).substr(start);
    if (domain.empty()) return host_kind::invalid;
    for (const char c : domain) {
        if ((url_byte_of(c) & forbidden_in_domain) != 0) return host_kind::invalid;
    }
    if (!ends_in_number(domain)) return host_kind::domain;
    const auto address = parse_ipv4(domain);
    if (!address) return host_kind::invalid;
    out.resize(start);
    append_ipv4(out, *address);
    return host_kind::ipv4;
}

// The four decimal numbers at the end of an IPv6 address, stricter than an IPv4 host.
bool parse_dotted_tail(std::string_view text, std::uint16_t* pieces) {
    for (int part = 0; part < 4; ++part) {
        if (part > 0) {
            if (!text.starts_with('.')) return false;
            text.remove_prefix(1);
        }
        unsigned value = 0;
        std::size_t digits = 0;
        while (digits < text.size() && (url_byte_of(text[digits]) & is_digit) != 0) {
            if (digits > 0 && value == 0) return false; // a leading zero
            value = value * 10 + static_cast<unsigned>(text[digits] - '0');
            if (value > 255) return false;
            ++digits;
        }
        if (digits == 0) return false;
        text.remove_prefix(digits);
        pieces[part / 2] = static_cast<std::uint16_t>(pieces[part / 2] * 256U + value);
    }
    return text.empty();
}

} // namespace

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    std::uint64_t address = 0;
    for (unsigned part = 0; part < 4; ++part) {
        const std::size_t dot = text.find('.');
        const auto number = parse_ipv4_number(text.substr(0, dot));
        if (!number) return std::nullopt;
        if (dot == text.npos) { // the last number fills the bytes that are left
            const unsigned bits = 8 * (4 - part);
            if (*number >> bits != 0) return std::nullopt;
            return static_cast<std::uint32_t>(address << bits | *number);
        }
        if (*number > 255) return std::nullopt;
        address = address << 8 | *number;
        text.remove_prefix(dot + 1);
    }
    return std::nullopt;
}

std::optional<std::array<std::uint16_t, 8>> parse_ipv6(std::string_view text) {
    std::array<std::uint16_t, 8> address{};
    std::size_t piece = 0;
    std::optional<std::size_t> gap; // where "::" stands
    if (text.starts_with("::")) {
        text.remove_prefix(2);
        gap = 0;
    } else if (text.starts_with(':')) {
        return std::nullopt;
    }
    while (!text.empty()) {
        if (piece == 8) return std::nullopt;
        if (text.front() == ':') {
            if (gap) return std::nullopt;
            text.remove_prefix(1);
            gap = piece;
            continue;
        }
        unsigned value = 0;
        std::size_t digits = 0;
        while (digits < text.size() && digits < 4 && hex_value(text[digits]) >= 0) {
            value = value * 16 + static_cast<unsigned>(hex_value(text[digits]));
            ++digits;
        }
        if (digits < text.size() && text[digits] == '.') {
            if (piece > 6 || !parse_dotted_tail(text, &address[piece])) return std::nullopt;
            piece += 2;
            break;
        }
        if (digits == 0) return std::nullopt;
        address[piece++] = static_cast<std::uint16_t>(value);
        text.remove_prefix(digits);
        if (text.empty()) break;
        if (text.front() != ':') return std::nullopt;
        text.remove_prefix(1);
        if (text.empty()) return std::nullopt;
    }
    if (!gap) return piece == 8 ? std::optional(address) : std::nullopt;
    if (piece == 8) return std::nullopt;
    // Move the pieces behind the gap to the end.
    for (std::size_t i = 0; i < piece - *gap; ++i) {
        std::swap(address[piece - 1 - i], address[7 - i]);
    }
    return address;
}

void append_ipv4(std::string& out, std::uint32_t address) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        append_number(out, address >> shift & 255, 10);
        if (shift > 0) out += '.';
    }
}

void append_ipv6(std::string& out, const std::array<std::uint16_t, 8>& address) {
    // The first longest run of two or more zeros becomes "::".
    std::size_t best = 8;
    std::size_t best_size = 1;
    for (std::size_t i = 0; i < 8;) {
        std::size_t end = i;
        while (end < 8 && address[end] == 0)
            ++end;
        if (end - i > best_size) {
            best = i;
            best_size = end - i;
        }
        i = end + 1;
    }
    for (std::size_t i = 0; i < 8;) {
        if (i == best) {
            out += "::";
            i += best_size;
            continue;
        }
        if (i > 0 && out.back() != ':') out += ':';
        append_number(out, address[i], 16);
        ++i;
    }
}

host_kind append_host(std::string& out, std::string_view text) {
    const std::size_t start = out.size();
    if (text.starts_with('[')) {
        if (!text.ends_with(']')) return host_kind::invalid;
        const auto address = parse_ipv6(text.substr(1, text.size() - 2));
        if (!address) return host_kind::invalid;
        out += '[';
        append_ipv6(out, *address);
        out += ']';
        return host_kind::ipv6;
    }
    bool plain = true;
    for (const char c : text) {
        plain = plain && (url_byte_of(c) & not_ascii) == 0 && c != '%';
        out += to_lower(c);
    }
    if (plain) return finish_domain(out, start);
    out.resize(start);
    const auto ascii = domain_to_ascii(percent_decode(text));
    if (!ascii) return host_kind::invalid;
    out += *ascii;
    return finish_domain(out, start);
}

} // namespace tandem::detail
