#include "tandem/net/address_guard.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace tandem {

namespace {

using bytes = ip_network::bytes;

constexpr unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool is_mapped(const bytes& address) noexcept {
    return std::memcmp(address.data(), mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bytes map(const unsigned char* four) noexcept {
    bytes address;
    std::memcpy(address.data(), mapped_prefix, sizeof(mapped_prefix));
    std::memcpy(address.data() + 12, four, 4);
    return address;
}

std::optional<bytes> parse(std::string_view text) {
    const std::string terminated(text);
    unsigned char four[4];
    if (terminated.size() != text.size() || terminated.find('\0') != std::string::npos) return std::nullopt;
    if (inet_pton(AF_INET, terminated.c_str(), four) == 1) return map(four);
    bytes six;
    if (inet_pton(AF_INET6, terminated.c_str(), six.data()) == 1) return six;
    return std::nullopt;
}

bool same_prefix(const unsigned char* a, const unsigned char* b, unsigned bits) noexcept {
    const std::size_t whole = bits / 8;
    if (std::memcmp(a, b, whole) != 0) return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

class special_v4 {
public:
    unsigned char network[4];
    unsigned prefix;
    std::string_view what;
};

// The IANA IPv4 special-purpose registry, multicast, and what is reserved; the more particular first.
constexpr special_v4 special_v4_networks[] = {
    {{169, 254, 169, 254}, 32, "the address of a cloud's metadata service"},
    {{168, 63, 129, 16}, 32, "the address of a cloud's metadata service"}, // Azure's, in a public network
    {{100, 100, 100, 200}, 32, "the address of a cloud's metadata service"},
    {{0, 0, 0, 0}, 8, "an unspecified address"}, // Linux connects 0.0.0.0 to itself
    {{10, 0, 0, 0}, 8, "a private address"},
    {{100, 64, 0, 0}, 10, "a shared address (carrier-grade NAT)"},
    {{127, 0, 0, 0}, 8, "a loopback address"},
    {{169, 254, 0, 0}, 16, "a link-local address"},
    {{172, 16, 0, 0}, 12, "a private address"},
    {{192, 0, 0, 0}, 24, "an address for protocol assignments"},
    {{192, 0, 2, 0}, 24, "a documentation address"},
    {{192, 88, 99, 0}, 24, "a deprecated address (6to4 relay)"},
    {{192, 168, 0, 0}, 16, "a private address"},
    {{198, 18, 0, 0}, 15, "a benchmarking address"},
    {{198, 51, 100, 0}, 24, "a documentation address"},
    {{203, 0, 113, 0}, 24, "a documentation address"},
    {{224, 0, 0, 0}, 4, "a multicast address"},
    {{255, 255, 255, 255}, 32, "a broadcast address"},
    {{240, 0, 0, 0}, 4, "a reserved address"},
};

class special_v6 {
public:
    bytes network;
    unsigned prefix;
    std::string_view what;
};

// The IANA IPv6 special-purpose registry and address space; the more particular first. What carries an IPv4
// address is looked at before.
constexpr special_v6 special_v6_networks[] = {
    {{0xFD, 0x00, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
     128,
     "the address of a cloud's metadata service"},
    {{0xFD, 0x20, 0x00, 0xCE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},
     128,
     "the address of a cloud's metadata service"},
    {{}, 128, "an unspecified address"},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "a loopback address"},
    {{}, 96, "an IPv4-compatible address"},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96, "an IPv4-translated address"},
    {{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48, "a local NAT64 address"},
    {{0x20, 0x01}, 32, "a Teredo address"},
    {{0x20, 0x01}, 23, "an address for protocol assignments"},
    {{0x20, 0x01, 0x0D, 0xB8}, 32, "a documentation address"},
    {{0x3F, 0xFF}, 20, "a documentation address"},
    {{0x5F, 0x00}, 16, "an address of segment routing"},
    {{0xFC}, 7, "a unique-local address"},
    {{0xFE, 0x80}, 10, "a link-local address"},
    {{0xFE, 0xC0}, 10, "a site-local address"},
    {{0xFF}, 8, "a multicast address"},
};

std::string_view refusal_v4(const unsigned char* four) noexcept {
    for (const special_v4& s : special_v4_networks)
        if (same_prefix(four, s.network, s.prefix)) return s.what;
    return {};
}

// The IPv4 address that an IPv6 address leads to; nullptr: none.
const unsigned char* embedded_v4(const bytes& a) noexcept {
    static constexpr unsigned char nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
    static constexpr unsigned char isatap[4] = {0x00, 0x00, 0x5E, 0xFE};
    if (std::memcmp(a.data(), nat64, sizeof(nat64)) == 0) return a.data() + 12;
    if (a[0] == 0x20 && a[1] == 0x02) return a.data() + 2; // 6to4
    // ISATAP (RFC 5214): the interface identifier, its "universal" bit set or not.
    if ((a[8] & ~0x02u) == isatap[0] && std::memcmp(a.data() + 9, isatap + 1, 3) == 0) return a.data() + 12;
    return nullptr;
}

std::string_view refusal_v6(const bytes& a) noexcept {
    for (const special_v6& s : special_v6_networks)
        if (same_prefix(a.data(), s.network.data(), s.prefix)) return s.what;
    if (const unsigned char* const four = embedded_v4(a); four && !refusal_v4(four).empty())
        return "an IPv6 address for an IPv4 address that is not public";
    static constexpr unsigned char nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
    if (std::memcmp(a.data(), nat64, sizeof(nat64)) == 0) return {};
    if ((a[0] & 0xE0u) != 0x20u) return "a reserved address"; // 2000::/3 is all that is public
    return {};
}

[[noreturn]] void bad_network(std::string_view text) {
    throw std::invalid_argument("not a network such as 10.0.0.0/8 or fd00::/8: " +
                                std::string(text.substr(0, 100)));
}

} // namespace

ip_network::ip_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto parsed = parse(text.substr(0, slash));
    if (!parsed) bad_network(text);
    address_ = *parsed;
    is_v4_ = is_mapped(address_);
    const bool short_form = text.substr(0, slash).find(':') == std::string_view::npos;
    unsigned bits = short_form ? 32 : 128;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const unsigned most = bits;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || bits > most)
            bad_network(text);
    }
    prefix_ = short_form ? bits + 96 : bits;
    if (prefix_ < 96) is_v4_ = false;
    for (unsigned bit = prefix_; bit < 128; ++bit)
        if ((address_[bit / 8] >> (7 - bit % 8) & 1u) != 0) bad_network(text);
}

bool ip_network::contains(const bytes& address) const noexcept {
    return is_mapped(address) == is_v4_ && same_prefix(address.data(), address_.data(), prefix_);
}

address_guard& address_guard::allow(std::string_view network) {
    allowed_.emplace_back(network);
    return *this;
}

address_guard& address_guard::refuse(std::string_view network) {
    refused_.emplace_back(network);
    return *this;
}

std::string_view address_guard::refusal(const ip_network::bytes& address) const noexcept {
    const auto has_it = [&](const ip_network& network) { return network.contains(address); };
    if (std::any_of(refused_.begin(), refused_.end(), has_it)) return "in a network that is refused";
    if (const unsigned char* const four = is_mapped(address) ? nullptr : embedded_v4(address)) {
        const ip_network::bytes carried = map(four);
        const auto has_carried = [&](const ip_network& network) { return network.contains(carried); };
        if (std::any_of(refused_.begin(), refused_.end(), has_carried)) return "in a network that is refused";
    }
    if (std::any_of(allowed_.begin(), allowed_.end(), has_it)) return {};
    return is_mapped(address) ? refusal_v4(address.data() + 12) : refusal_v6(address);
}

std::string_view address_guard::refusal(std::string_view address) const {
    const auto parsed = parse(address);
    return parsed ? refusal(*parsed) : std::string_view("not an address");
}

} // namespace tandem
