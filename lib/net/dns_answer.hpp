// What is known about a host name, and for how long.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace tandem::net {

using ip_address = boost::asio::ip::address;

// At most so many addresses of an answer are used: whoever answers could send thousands.
inline constexpr std::size_t most_addresses = 64;

class dns_answer {
public:
    dns_answer() noexcept {}

    std::vector<ip_address> addresses; // IPv6 and IPv4 by turns (RFC 8305, section 4), at most 64, each once
    std::chrono::steady_clock::time_point expires; // not to be used any longer
    boost::system::error_code error;
    std::string detail; // the error in words: "no such host"
};

// IPv6 first, then IPv4, then IPv6 ...; duplicates are left out. Shares `most_addresses` fairly between the
// two.
std::vector<ip_address> interleave(const std::vector<ip_address>& addresses);

} // namespace tandem::net
