#include "tandem/net/socket_options.hpp"

#include <algorithm>
#include <stdexcept>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

namespace tandem {

socket_options& socket_options::local_address(std::string_view address) {
    std::string text(address);
    unsigned char bytes[sizeof(in6_addr)];
    if (text.find('\0') != std::string::npos ||
        (inet_pton(AF_INET, text.c_str(), bytes) != 1 && inet_pton(AF_INET6, text.c_str(), bytes) != 1))
        throw std::invalid_argument("socket_options::local_address: not an IP address in numbers: " + text);
    local_address_ = std::move(text);
    return *this;
}
socket_options& socket_options::interface_name(std::string_view name) {
    if (name.empty() || name.size() >= IFNAMSIZ || name.find('\0') != std::string_view::npos)
        throw std::invalid_argument("socket_options::interface_name: 1 to 15 bytes are expected");
    interface_name_ = name;
    return *this;
}
socket_options& socket_options::no_delay(bool yes) noexcept {
    no_delay_ = yes;
    return *this;
}
socket_options& socket_options::keep_alive(std::chrono::seconds idle, std::chrono::seconds interval,
                                           int probes) noexcept {
    keep_alive_idle_ = std::max(idle, std::chrono::seconds(1));
    keep_alive_interval_ = std::max(interval, std::chrono::seconds(1));
    keep_alive_probes_ = std::max(probes, 1);
    return *this;
}
socket_options& socket_options::user_timeout(std::chrono::milliseconds longest) noexcept {
    user_timeout_ = longest;
    return *this;
}
socket_options& socket_options::receive_buffer(std::size_t bytes) noexcept {
    receive_buffer_ = bytes;
    return *this;
}
socket_options& socket_options::send_buffer(std::size_t bytes) noexcept {
    send_buffer_ = bytes;
    return *this;
}

} // namespace tandem
