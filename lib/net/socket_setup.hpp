// socket_options put into effect on a socket that is about to connect.
#pragma once

#include <tandem/net/socket_options.hpp>

#include <boost/system/error_code.hpp>

namespace tandem::net {

class setup_result {
public:
    setup_result() noexcept {}
    setup_result(boost::system::error_code ec, const char* what) noexcept : error(ec), option(what) {}
    boost::system::error_code error;
    const char* option = ""; // that was refused: "local address"
};

// For a TCP socket of `family`. address_family_not_supported for a local address of the other one.
setup_result set_up(int fd, int family, const socket_options& options) noexcept;

} // namespace tandem::net
