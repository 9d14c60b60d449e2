// Opening connections: resolve a name, then try its addresses (RFC 8305: staggered attempts in parallel).
#pragma once

#include "lib/net/dns_answer.hpp"
#include "lib/net/stream.hpp"

#include <tandem/core/task.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::net {

class resolver; // lib/net/resolver.hpp

// Which part of opening a connection failed.
enum class connect_phase { resolve, connect };

class connect_options {
public:
    connect_options() noexcept {}

    // Instead of the scheduler's own (`resolver_of`). It must stay alive.
    connect_options& use(resolver& names) noexcept {
        names_ = &names;
        return *this;
    }
    // How much later than the one before an attempt begins. Default 250 ms (RFC 8305, section 5).
    connect_options& attempt_delay(std::chrono::milliseconds delay) noexcept {
        attempt_delay_ = delay;
        return *this;
    }

    resolver* names() const noexcept { return names_; }
    std::chrono::milliseconds attempt_delay() const noexcept { return attempt_delay_; }

private:
    resolver* names_ = nullptr;
    std::chrono::milliseconds attempt_delay_{250};
};

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
                             std::chrono::steady_clock::time_point deadline,
                             connect_options options = connect_options());

// The same with addresses known already, in the order to try them (at most 64 are). Attempts run in parallel:
// each begins 250 ms after the one before, or at once when one has failed. The first that connects wins, the
// others are closed before this returns.
task<connect_result> connect(std::vector<ip_address> addresses, std::uint16_t port,
                             std::chrono::steady_clock::time_point deadline,
                             connect_options options = connect_options());

} // namespace tandem::net
