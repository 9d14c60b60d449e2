// address_guard: which addresses a client may connect to, against requests forged by what it fetches (SSRF).
//
//     http::client web(http::client_options().address_guard(address_guard()));
//     http::client inside(http::client_options().address_guard(address_guard().allow("10.1.0.0/16")));
//
// A service that fetches URLs from strangers can be asked for http://169.254.169.254/, for a name that
// resolves to 10.0.0.1, or for one that redirects there. Looking at the URL does not help: what counts is the
// address. So the guard is asked about each address right before it is connected to, after the look-up, for
// each redirect and for addresses written in URLs; between the question and the connection nothing is
// resolved again.
#pragma once

#include <array>
#include <string_view>
#include <vector>

namespace tandem {

/// A network: an address and how many of its leading bits count. A value.
class ip_network {
public:
    /// "10.0.0.0/8", "fd00::/8", or one address: "192.0.2.1", "::1". Throws std::invalid_argument for
    /// anything else, also for an address with bits beyond the prefix ("10.0.0.1/8").
    explicit ip_network(std::string_view text);

    /// An IPv6 address; IPv4 is written as IPv6 does it (::ffff:a.b.c.d), and is in no IPv6 network.
    using bytes = std::array<unsigned char, 16>;
    [[nodiscard]] bool contains(const bytes& address) const noexcept;

private:
    bytes address_{};
    unsigned prefix_ = 0; // of the 128 bits
    bool is_v4_ = false;
};

/// Setters chain. A value; const use is thread-safe.
///
/// Refused by default is every address that is not a public unicast one by the registries of IANA (RFC 6890
/// and its successors): unspecified (0.0.0.0/8, ::), loopback, private (RFC 1918), shared (RFC 6598,
/// carrier-grade NAT), link-local with the metadata services of clouds (169.254.169.254), unique-local
/// (fc00::/7, with fd00:ec2::254), site-local, multicast, broadcast, documentation, benchmarking, reserved,
/// deprecated; the metadata address 168.63.129.16, which lies in a public network; and IPv6 addresses that
/// carry a refused IPv4 address: mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96), 6to4 (2002::/16), ISATAP.
/// IPv4-compatible, IPv4-translated, Teredo and local NAT64 addresses (64:ff9b:1::/48) are always refused.
class address_guard {
public:
    address_guard() noexcept {}

    /// An exception: addresses of `network` may be connected to. Throws std::invalid_argument as ip_network.
    address_guard& allow(std::string_view network);
    /// Refuses `network` too; comes before `allow`. Throws std::invalid_argument as ip_network.
    address_guard& refuse(std::string_view network);

    /// Whether requests may go through a proxy that looks names up itself (HTTP and socks5h): false. This
    /// process cannot know then which address is connected to, so with `true` the proxy has to guard.
    /// Addresses written in URLs are checked in any case; with socks5, the names too.
    address_guard& trust_proxies(bool yes) noexcept {
        trust_proxies_ = yes;
        return *this;
    }
    [[nodiscard]] bool trust_proxies() const noexcept { return trust_proxies_; }

    /// Why the address may not be connected to: "a loopback address"; empty when it may. Costs no allocation;
    /// linear in the networks given.
    [[nodiscard]] std::string_view refusal(const ip_network::bytes& address) const noexcept;
    /// The same for an address as text, "127.0.0.1" or "::1"; anything else is refused as "not an address".
    [[nodiscard]] std::string_view refusal(std::string_view address) const;

private:
    std::vector<ip_network> allowed_;
    std::vector<ip_network> refused_;
    bool trust_proxies_ = false;
};

} // namespace tandem
