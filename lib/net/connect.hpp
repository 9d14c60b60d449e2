// Opening connections: resolve a name, then try its addresses (RFC 8305: staggered attempts in parallel).
#pragma once

#include "lib/net/stream.hpp"

#include <tandem/core/task.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace tandem::net {

// Which part of opening a connection failed.
enum class connect_phase { resolve, connect };

class connect_result {
public:
    connect_result() noexcept {}
    stream connection;               // open when there was no error
    boost::system::error_code error; // of the last address tried, or of the look-up
    connect_phase phase = connect_phase::connect;
    std::string detail; // for people: "no such host", "127.0.0.1:81: Connection refused"
};

// Connects to `host` (a name, an IPv4 address or an IPv6 address without brackets) by `deadline` at the
// latest; errc::timed_out when it passes. Cancellation: operation_aborted, at once, also in the midst of a
// look-up.
task<connect_result> connect(std::string host, std::uint16_t port,
                             std::chrono::steady_clock::time_point deadline);

} // namespace tandem::net
