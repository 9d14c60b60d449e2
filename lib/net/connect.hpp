// Opening connections: resolve a name, then try its addresses (RFC 8305: staggered attempts in parallel).
#pragma once

#include "lib/net/dns_answer.hpp"
#include "lib/net/stream.hpp"

#include <tandem/core/task.hpp>
#include <tandem/net/address_guard.hpp>
#include <tandem/net/socket_options.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::net {

class resolver;       // lib/net/resolver.hpp
class resolve_result; // the same

// Which part of opening a connection failed.
enum class connect_phase { resolve, connect };

enum class connect_errc {
    address_refused = 1, // by the address guard
};
const boost::system::error_category& connect_category() noexcept; // "tandem.connect"
boost::system::error_code make_error_code(connect_errc e) noexcept;

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

    // Asked about each address right before it is connected to. It must stay alive; nullptr: none.
    connect_options& guard(const address_guard* g) noexcept {
        guard_ = g;
        return *this;
    }
    // It must stay alive; nullptr: none.
    connect_options& socket(const socket_options* s) noexcept {
        socket_ = s;
        return *this;
    }

    resolver* names() const noexcept { return names_; }
    const address_guard* guard() const noexcept { return guard_; }
    const socket_options* socket() const noexcept { return socket_; }
    std::chrono::milliseconds attempt_delay() const noexcept { return attempt_delay_; }

private:
    resolver* names_ = nullptr;
    const address_guard* guard_ = nullptr;
    const socket_options* socket_ = nullptr;
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

// The same with the answer of a look-up; addresses that come late (`resolve_result::late`) join those that
// were not tried yet. Attempts run in parallel: each begins 250 ms after the one before, or at once when
// one has failed; at most 64 in all. The first that connects wins, the others are closed before this
// returns.
task<connect_result> connect(resolve_result found, std::uint16_t port,
                             std::chrono::steady_clock::time_point deadline,
                             connect_options options = connect_options());

// The same with addresses known already, in the order to try them.
task<connect_result> connect(std::vector<ip_address> addresses, std::uint16_t port,
                             std::chrono::steady_clock::time_point deadline,
                             connect_options options = connect_options());

// Connects to the Unix socket at `path` (in the file system; filename_too_long beyond 107 bytes). Never
// waits: the kernel answers at once, with resource_unavailable_try_again when the server's queue is full;
// that is asked again until `deadline`, with growing pauses. Cancellation: operation_aborted.
task<connect_result> connect_local(std::string path, std::chrono::steady_clock::time_point deadline);

} // namespace tandem::net

template <>
struct boost::system::is_error_code_enum<tandem::net::connect_errc> : std::true_type {};
