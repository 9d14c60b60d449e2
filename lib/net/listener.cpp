#include "lib/net/listener.hpp"

#include <tandem/concurrency/sleep.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <optional>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tandem::net {

namespace {

constexpr int backlog = 4096; // the kernel cuts it down to net.core.somaxconn
constexpr std::chrono::milliseconds shortage_pause(100);
constexpr std::chrono::minutes shortage_silence(1);

error_code errno_code(int value) noexcept {
    return error_code(value, boost::system::system_category());
}

std::string name_of(const std::string& address, std::uint16_t port) {
    const bool ipv6 = address.find(':') != std::string::npos;
    return (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

class socket_address {
public:
    socket_address() noexcept { std::memset(&storage_, 0, sizeof(storage_)); }

    // False when `address` is not an address in numbers. A zone ("fe80::1%eth0") is understood.
    bool parse(const std::string& address, std::uint16_t port) noexcept {
        addrinfo hints{};
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (address.empty() || getaddrinfo(address.c_str(), nullptr, &hints, &found) != 0) return false;
        size_ = found->ai_addrlen;
        std::memcpy(&storage_, found->ai_addr, size_);
        freeaddrinfo(found);
        if (family() == AF_INET6)
            ipv6()->sin6_port = htons(port);
        else
            ipv4()->sin_port = htons(port);
        return true;
    }

    int family() const noexcept { return storage_.ss_family; }
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
    socklen_t size() const noexcept { return size_; }
    socklen_t* room() noexcept {
        size_ = sizeof(storage_);
        return &size_;
    }

    std::uint16_t port() noexcept {
        return ntohs(family() == AF_INET6 ? ipv6()->sin6_port : ipv4()->sin_port);
    }
    std::string text() {
        char buffer[INET6_ADDRSTRLEN] = "";
        if (family() == AF_INET) {
            inet_ntop(AF_INET, &ipv4()->sin_addr, buffer, sizeof(buffer));
        } else if (family() == AF_INET6) {
            const in6_addr& address = ipv6()->sin6_addr;
            if (IN6_IS_ADDR_V4MAPPED(&address))
                inet_ntop(AF_INET, &address.s6_addr[12], buffer, sizeof(buffer));
            else
                inet_ntop(AF_INET6, &address, buffer, sizeof(buffer));
        }
        return buffer;
    }

private:
    sockaddr_in* ipv4() noexcept { return reinterpret_cast<sockaddr_in*>(&storage_); }
    sockaddr_in6* ipv6() noexcept { return reinterpret_cast<sockaddr_in6*>(&storage_); }

    sockaddr_storage storage_;
    socklen_t size_ = 0;
};

// What says something of the connection that was about to be accepted, not of the listener (accept(2)).
bool concerns_peer_only(int error) noexcept {
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM: // refused by a firewall rule
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

bool is_shortage(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == ENOSPC;
}

} // namespace

listening_socket::listening_socket(const std::string& address, std::uint16_t port)
    : name_(name_of(address, port)) {
    socket_address where;
    if (!where.parse(address, port))
        throw system_error(errno_code(EINVAL), "listen on \"" + address + "\": not an IP address in numbers");
    // The destructor does not run when a constructor throws: `owned` closes the socket until all is well.
    listening_socket owned;
    owned.fd_ = ::socket(where.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (owned.fd_ < 0) throw system_error(errno_code(errno), "socket for " + name_);
    const int on = 1;
    const int off = 0;
    if (setsockopt(owned.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        throw system_error(errno_code(errno), "SO_REUSEADDR for " + name_);
    // Whatever the machine's default is: "::" takes both families, on every machine.
    if (where.family() == AF_INET6) setsockopt(owned.fd_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (::bind(owned.fd_, where.data(), where.size()) != 0)
        throw system_error(errno_code(errno), "bind " + name_);
    if (::listen(owned.fd_, backlog) != 0) throw system_error(errno_code(errno), "listen " + name_);
    if (getsockname(owned.fd_, where.data(), where.room()) != 0)
        throw system_error(errno_code(errno), "getsockname of " + name_);
    port_ = where.port();
    name_ = name_of(address, port_);
    fd_ = owned.release();
}

listening_socket& listening_socket::operator=(listening_socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(port_, other.port_);
    std::swap(name_, other.name_);
    return *this;
}

listening_socket::~listening_socket() {
    if (fd_ >= 0) ::close(fd_);
}

listener::listener(scheduler& home, listening_socket socket)
    : home_(home), fd_(home.executor()), port_(socket.port()), name_(socket.name()) {
    fd_.assign(socket.native_handle());
    socket.release();
}

void listener::close() noexcept {
    error_code ignored;
    fd_.close(ignored);
}

task<accepted> listener::accept() {
    for (;;) {
        if (task_context::current()->cancelled()) throw operation_cancelled("accept was cancelled");
        socket_address peer;
        const int fd = ::accept4(fd_.native_handle(), peer.data(), peer.room(), SOCK_NONBLOCK | SOCK_CLOEXEC);
        const int failed = fd >= 0 ? 0 : errno;
        error_code why;
        if (fd >= 0) {
            try {
                stream connection(home_, fd);
                std::string address = peer.text();
                co_return accepted(std::move(connection), std::move(address), peer.port());
            } catch (const system_error& e) { // the loop could not take another descriptor
                why = e.code();
            } catch (const std::bad_alloc&) {
                why = errno_code(ENOMEM);
            }
        } else if (failed == EAGAIN) {
            const error_code ec = co_await wait_for(fd_, descriptor::wait_read);
            if (ec && !task_context::current()->cancelled()) throw system_error(ec, "accept on " + name_);
            continue;
        } else if (concerns_peer_only(failed)) {
            co_await yield(); // each of these takes one peer off the queue; others get their turn
            continue;
        } else if (is_shortage(failed)) {
            why = errno_code(failed);
        } else {
            throw system_error(errno_code(failed), "accept on " + name_);
        }
        co_await pause(why);
    }
}

task<> listener::pause(error_code why) {
    const auto now = home_.now();
    if (tell_ && now >= silent_until_) {
        silent_until_ = now + shortage_silence;
        tell_("accept on " + name_ + ": " + why.message() +
              "; trying again every 100 ms (said at most once a minute)");
    }
    co_await sleep_for(shortage_pause);
}

} // namespace tandem::net
