// What is known about a host name, and for how long.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tandem::net {

using ip_address = boost::asio::ip::address;

// At most so many addresses of an answer are used: whoever answers could send thousands.
inline constexpr std::size_t most_addresses = 64;

class lookup; // lib/net/resolver_core.hpp

class dns_answer {
public:
    dns_answer() noexcept {}

    std::vector<ip_address> addresses; // IPv6 and IPv4 by turns (RFC 8305, section 4), at most 64, each once
    std::chrono::steady_clock::time_point expires; // not to be used any longer
    boost::system::error_code error;
    std::string detail; // the error in words: "no such host"
    // Where one family had not come yet: the look-up, as long as it still may.
    std::weak_ptr<lookup> rest;
};

// IPv6 first (or else IPv4), then the other, and so on by turns; duplicates are left out. Shares
// `most_addresses` fairly between the two.
std::vector<ip_address> interleave(const std::vector<ip_address>& addresses, bool six_first = true);

} // namespace tandem::net
