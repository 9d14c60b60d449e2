// Ports of the loopback that listen, refuse or do not answer, and what a connection came to.
#pragma once

#include "lib/net/connect.hpp"

#include "tests/support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace connect_test {

// Address and port of either family.
class socket_name {
public:
    socket_name() noexcept {}
    socket_name(std::string_view address, std::uint16_t port) {
        const std::string text(address);
        if (text.find(':') == text.npos) {
            four_.sin_family = AF_INET;
            four_.sin_port = htons(port);
            REQUIRE(::inet_pton(AF_INET, text.c_str(), &four_.sin_addr) == 1);
        } else {
            six_.sin6_family = AF_INET6;
            six_.sin6_port = htons(port);
            REQUIRE(::inet_pton(AF_INET6, text.c_str(), &six_.sin6_addr) == 1);
        }
    }
    int family() const noexcept { return four_.sin_family; }
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(this); }
    socklen_t size() const noexcept { return family() == AF_INET ? sizeof(four_) : sizeof(six_); }
    std::uint16_t port() const noexcept {
        return ntohs(family() == AF_INET ? four_.sin_port : six_.sin6_port);
    }
    std::string address() const {
        char text[INET6_ADDRSTRLEN] = "";
        const void* const bytes = family() == AF_INET ? static_cast<const void*>(&four_.sin_addr)
                                                      : static_cast<const void*>(&six_.sin6_addr);
        ::inet_ntop(family(), bytes, text, sizeof(text));
        return text;
    }

private:
    union {
        sockaddr_in6 six_{};
        sockaddr_in four_;
    };
};

// A TCP socket bound to a loopback address; refuses connections until `listen`, and no other program gets its
// port.
class port_holder {
public:
    explicit port_holder(const char* address, std::uint16_t port = 0) : name_(address, port) {
        fd_ = ::socket(name_.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(fd_ >= 0);
        REQUIRE(::bind(fd_, name_.data(), name_.size()) == 0);
        socklen_t size = name_.size();
        REQUIRE(::getsockname(fd_, name_.data(), &size) == 0);
    }
    port_holder(const port_holder&) = delete;
    port_holder& operator=(const port_holder&) = delete;
    ~port_holder() {
        for (const int fd : fillers_)
            ::close(fd);
        ::close(fd_);
    }
    void listen(int backlog = 16) { REQUIRE(::listen(fd_, backlog) == 0); }

    // Listens, but nobody will get an answer: the backlog is full, so the kernel drops what else arrives.
    void listen_and_fill() {
        listen(0);
        for (int i = 0; i < 3; ++i) {
            const int fd = ::socket(name_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            REQUIRE(fd >= 0);
            fillers_.push_back(fd);
            ::connect(fd, name_.data(), name_.size());
        }
    }
    std::uint16_t port() const noexcept { return name_.port(); }
    std::string text(const char* address) const {
        return std::string(address) + ":" + std::to_string(port());
    }

    // Whether a connection waits to be accepted, or was and is still open.
    int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

private:
    int fd_ = -1;
    socket_name name_;
    std::vector<int> fillers_;
};

inline std::string peer_of(const tandem::net::connect_result& result) {
    socket_name name;
    socklen_t size = sizeof(name);
    if (::getpeername(result.connection.native_handle(), name.data(), &size) != 0) return "";
    return name.address();
}

// A loop opens its set of sockets at the first of them, and keeps it. For tests that count descriptors.
inline void first_socket() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    const tandem::net::stream one(tandem::task_context::current()->home(), fds[0]);
    ::close(fds[1]);
}

inline std::ptrdiff_t open_descriptors() {
    std::filesystem::directory_iterator it("/proc/self/fd");
    return std::distance(begin(it), end(it));
}

} // namespace connect_test
