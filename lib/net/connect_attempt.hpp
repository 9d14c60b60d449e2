// One attempt to connect to one address.
#pragma once

#include "lib/net/connect.hpp"

#include <string_view>

namespace tandem::net {

// How an attempt, or a part of it, ended.
class attempt_result {
public:
    attempt_result() noexcept {}
    attempt_result(const boost::system::error_code& ec) noexcept : error(ec) {}
    attempt_result(const boost::system::error_code& ec, std::string_view why) noexcept
        : error(ec), detail(why) {}
    boost::system::error_code error;
    std::string_view detail; // static; more than the error says
};

// Connects to an address that the guard lets pass, within `deadline`. Sets `connection` when there was no
// error. Cancellation: operation_aborted, at once.
task<attempt_result> attempt(ip_address address, std::uint16_t port,
                             std::chrono::steady_clock::time_point deadline, const connect_options& options,
                             stream& connection);

} // namespace tandem::net
