// Listening for TCP connections: a bound socket, and the wait for peers on it.
//
// Two classes, because a program wants to know early, before any loop runs, that its port is taken: making a
// `listening_socket` binds and listens; a `listener` takes it over and accepts on a scheduler.
#pragma once

#include "lib/net/descriptor_wait.hpp"
#include "lib/net/stream.hpp"

#include <tandem/core/error.hpp>
#include <tandem/core/scheduler.hpp>
#include <tandem/core/task.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::net {

// A bound, listening, non-blocking TCP socket. Closed by the destructor.
class listening_socket {
public:
    listening_socket() noexcept {} // none

    // `address`: IPv4 or IPv6 in numbers ("127.0.0.1", "::1", "::" for both families), no name. Port 0: the
    // system picks one. SO_REUSEADDR is set. Throws system_error that names the step and the address:
    // "bind 127.0.0.1:80: Permission denied".
    listening_socket(const std::string& address, std::uint16_t port);
    listening_socket(listening_socket&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), port_(other.port_), name_(std::move(other.name_)) {}
    listening_socket& operator=(listening_socket&& other) noexcept;
    ~listening_socket();

    bool is_open() const noexcept { return fd_ >= 0; }
    int native_handle() const noexcept { return fd_; }
    std::uint16_t port() const noexcept { return port_; }      // the one that is bound
    const std::string& name() const noexcept { return name_; } // "127.0.0.1:8080", "[::1]:8080"
    int release() noexcept { return std::exchange(fd_, -1); }  // the caller closes it

private:
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::string name_;
};

// A connection that was accepted.
class accepted {
public:
    accepted(stream s, std::string address, std::uint16_t port) noexcept
        : connection(std::move(s)), peer_address(std::move(address)), peer_port(port) {}

    stream connection;
    std::string peer_address; // in numbers; an IPv4 peer of a "::" listener is shown as IPv4
    std::uint16_t peer_port;
};

// Belongs to one scheduler; one `accept` at a time.
class listener {
public:
    listener(scheduler& home, listening_socket socket);
    listener(scheduler& home, const std::string& address, std::uint16_t port = 0)
        : listener(home, listening_socket(address, port)) {}
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    // The next connection. Peers that went away while they waited are skipped. When the process or the
    // machine is out of descriptors or memory it does not spin: it pauses 100 ms at a time until there are
    // some again. Cancellation: throws operation_cancelled at once; no accepted connection is lost.
    // Throws system_error when the socket is of no more use, or was closed.
    task<accepted> accept();

    // Told why `accept` pauses: at most once a minute. Default: nobody.
    void on_shortage(std::function<void(std::string_view)> tell) { tell_ = std::move(tell); }

    std::uint16_t port() const noexcept { return port_; }
    void close() noexcept; // an `accept` in progress ends with operation_aborted

private:
    task<> pause(boost::system::error_code why);

    scheduler& home_;
    descriptor fd_;
    std::uint16_t port_;
    std::string name_;
    std::function<void(std::string_view)> tell_;
    scheduler::clock::time_point silent_until_{};
};

} // namespace tandem::net
