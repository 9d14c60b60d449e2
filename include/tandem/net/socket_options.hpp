// socket_options: where a connection comes from and how TCP treats it.
//
//     auto options = socket_options().local_address("192.0.2.7").keep_alive(30s);
//     http::client web(http::client_options().socket(options));
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace tandem {

/// Setters chain. A value. What is not set stays as the system has it. An option that the kernel refuses
/// makes the connection fail, with its name in the error.
class socket_options {
public:
    socket_options() noexcept {}

    /// The address to connect from, IPv4 or IPv6 in numbers; only peers of its family are tried then. The
    /// port is the system's choice, made with the connection (IP_BIND_ADDRESS_NO_PORT), so that ports are not
    /// used up by connections to different peers. Throws std::invalid_argument for what is no address.
    socket_options& local_address(std::string_view address);
    /// The network interface to use ("eth1"; SO_BINDTODEVICE). Throws std::invalid_argument for a name longer
    /// than 15 bytes, and for an empty one.
    socket_options& interface_name(std::string_view name);

    socket_options& no_delay(bool yes) noexcept; ///< true: small writes go out at once (TCP_NODELAY)
    /// Asks a silent peer after `idle`, then each `interval`, whether it is still there, and gives up after
    /// `probes` without an answer. Whole seconds, at least one. Default: not at all.
    socket_options& keep_alive(std::chrono::seconds idle,
                               std::chrono::seconds interval = std::chrono::seconds(15),
                               int probes = 4) noexcept;
    /// How long what was sent may stay unacknowledged (TCP_USER_TIMEOUT). Default: the system's, about 15
    /// minutes.
    socket_options& user_timeout(std::chrono::milliseconds longest) noexcept;
    /// Sizes of the kernel's buffers in bytes (SO_RCVBUF, SO_SNDBUF). Set, they no longer adapt themselves.
    socket_options& receive_buffer(std::size_t bytes) noexcept;
    socket_options& send_buffer(std::size_t bytes) noexcept;

    [[nodiscard]] const std::string& local_address() const noexcept { return local_address_; }
    [[nodiscard]] const std::string& interface_name() const noexcept { return interface_name_; }
    [[nodiscard]] bool no_delay() const noexcept { return no_delay_; }
    /// 0: off.
    [[nodiscard]] std::chrono::seconds keep_alive_idle() const noexcept { return keep_alive_idle_; }
    [[nodiscard]] std::chrono::seconds keep_alive_interval() const noexcept { return keep_alive_interval_; }
    [[nodiscard]] int keep_alive_probes() const noexcept { return keep_alive_probes_; }
    /// 0: not set.
    [[nodiscard]] std::chrono::milliseconds user_timeout() const noexcept { return user_timeout_; }
    [[nodiscard]] std::size_t receive_buffer() const noexcept { return receive_buffer_; } ///< 0: not set
    [[nodiscard]] std::size_t send_buffer() const noexcept { return send_buffer_; }       ///< 0: not set

private:
    std::string local_address_;
    std::string interface_name_;
    std::chrono::seconds keep_alive_idle_{0};
    std::chrono::seconds keep_alive_interval_{0};
    std::chrono::milliseconds user_timeout_{0};
    std::size_t receive_buffer_ = 0;
    std::size_t send_buffer_ = 0;
    int keep_alive_probes_ = 0;
    bool no_delay_ = true;
};

} // namespace tandem
