#include "lib/net/socket_setup.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tandem::net {

namespace {

setup_result failed(const char* option, int number = errno) noexcept {
    return setup_result({number, boost::system::system_category()}, option);
}

template <class Number>
int to_int(Number n) noexcept {
    return static_cast<int>(std::min<std::uint64_t>(
        static_cast<std::uint64_t>(n), static_cast<std::uint64_t>(std::numeric_limits<int>::max())));
}

bool set(int fd, int level, int name, int value) noexcept {
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

setup_result bind_to(int fd, int family, const char* address) noexcept {
    constexpr const char* option = "socket_options::local_address";
#ifdef IP_BIND_ADDRESS_NO_PORT
    set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); // an older kernel picks the port now: harmless
#endif
    if (family == AF_INET) {
        sockaddr_in four{};
        four.sin_family = AF_INET;
        if (inet_pton(AF_INET, address, &four.sin_addr) != 1) return failed(option, EAFNOSUPPORT);
        return bind(fd, reinterpret_cast<sockaddr*>(&four), sizeof(four)) == 0 ? setup_result()
                                                                               : failed(option);
    }
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, address, &six.sin6_addr) != 1) return failed(option, EAFNOSUPPORT);
    return bind(fd, reinterpret_cast<sockaddr*>(&six), sizeof(six)) == 0 ? setup_result() : failed(option);
}

} // namespace

setup_result set_up(int fd, int family, const socket_options& options) noexcept {
    const std::string& interface = options.interface_name();
    if (!interface.empty() && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                                         static_cast<socklen_t>(interface.size() + 1)) != 0)
        return failed("socket_options::interface_name");
    // Before the connection: the window's scale is agreed on with the first packet.
    if (options.receive_buffer() != 0 && !set(fd, SOL_SOCKET, SO_RCVBUF, to_int(options.receive_buffer())))
        return failed("socket_options::receive_buffer");
    if (options.send_buffer() != 0 && !set(fd, SOL_SOCKET, SO_SNDBUF, to_int(options.send_buffer())))
        return failed("socket_options::send_buffer");
    if (options.keep_alive_idle().count() > 0 &&
        (!set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
         !set(fd, IPPROTO_TCP, TCP_KEEPIDLE, to_int(options.keep_alive_idle().count())) ||
         !set(fd, IPPROTO_TCP, TCP_KEEPINTVL, to_int(options.keep_alive_interval().count())) ||
         !set(fd, IPPROTO_TCP, TCP_KEEPCNT, options.keep_alive_probes())))
        return failed("socket_options::keep_alive");
    if (options.user_timeout().count() > 0 &&
        !set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, to_int(options.user_timeout().count())))
        return failed("socket_options::user_timeout");
    return options.local_address().empty() ? setup_result()
                                           : bind_to(fd, family, options.local_address().c_str());
}

} // namespace tandem::net
