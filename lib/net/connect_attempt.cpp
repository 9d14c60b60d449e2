#include "lib/net/connect_attempt.hpp"

#include "lib/net/socket_setup.hpp"

#include <tandem/core/error.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tandem::net {

namespace {

using boost::system::error_code;
using time_point = std::chrono::steady_clock::time_point;

error_code code_of(int number) noexcept {
    return error_code(number, boost::system::system_category());
}

// An address and a port as the kernel wants them.
class endpoint {
public:
    endpoint(const ip_address& address, std::uint16_t port) noexcept {
        if (address.is_v4()) {
            sockaddr_in four{};
            four.sin_family = AF_INET;
            four.sin_port = htons(port);
            four.sin_addr.s_addr = htonl(address.to_v4().to_uint());
            set(four);
        } else {
            sockaddr_in6 six{};
            six.sin6_family = AF_INET6;
            six.sin6_port = htons(port);
            const auto bytes = address.to_v6().to_bytes();
            std::memcpy(&six.sin6_addr, bytes.data(), bytes.size());
            set(six);
        }
    }
    int family() const noexcept { return storage_.ss_family; }
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t size() const noexcept { return size_; }

private:
    template <class SocketAddress>
    void set(const SocketAddress& address) noexcept {
        std::memcpy(&storage_, &address, sizeof(address));
        size_ = sizeof(address);
    }
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

// A socket until a stream takes it over.
class owned_socket {
public:
    explicit owned_socket(int fd) noexcept : fd_(fd) {}
    owned_socket(const owned_socket&) = delete;
    owned_socket& operator=(const owned_socket&) = delete;
    ~owned_socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

// A connection to a port of this machine that nobody listens on may meet itself (a simultaneous open, RFC
// 9293, section 3.5), when the kernel happens to give it that very port.
bool met_itself(int fd, const ip_address& address) noexcept {
    if (!address.is_loopback()) return false;
    sockaddr_storage local{};
    sockaddr_storage remote{};
    socklen_t local_size = sizeof(local);
    socklen_t remote_size = sizeof(remote);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) != 0) return false;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&remote), &remote_size) != 0) return false;
    return local_size == remote_size && std::memcmp(&local, &remote, local_size) == 0;
}

ip_network::bytes bytes_of(const ip_address& address) noexcept {
    if (address.is_v6()) return address.to_v6().to_bytes();
    return boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, address.to_v4()).to_bytes();
}

} // namespace

task<attempt_result> attempt(ip_address address, std::uint16_t port, time_point deadline,
                             const connect_options& options, stream& connection) {
    task_context& context = *task_context::current();
    scheduler& home = context.home();
    if (context.cancelled()) co_return boost::asio::error::operation_aborted;
    if (deadline <= home.now()) co_return boost::asio::error::timed_out;

    // Here and nowhere else, so that no address gets past it.
    if (options.guard()) {
        const std::string_view why = options.guard()->refusal(bytes_of(address));
        if (!why.empty()) co_return attempt_result(connect_errc::address_refused, why);
    }
    const endpoint peer(address, port);
    owned_socket fd(::socket(peer.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) co_return code_of(errno);
    if (options.socket()) {
        const setup_result ready = set_up(fd.get(), peer.family(), *options.socket());
        if (ready.error) co_return attempt_result(ready.error, ready.option);
    }
    const bool at_once = ::connect(fd.get(), peer.data(), peer.size()) == 0;
    if (!at_once && errno != EINPROGRESS && errno != EINTR) co_return code_of(errno);
    stream opened;
    try {
        opened = stream(home, fd.release());
    } catch (const system_error& refused) {
        co_return refused.code();
    }
    if (!at_once) {
        opened.expires_at(deadline);
        const error_code waited = co_await opened.wait_connected();
        if (waited) co_return waited;
        opened.expires_at(time_point::max());
        int failure = 0;
        socklen_t size = sizeof(failure);
        if (getsockopt(opened.native_handle(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
            co_return code_of(errno);
        if (failure != 0) co_return code_of(failure);
    }
    if (context.cancelled()) co_return boost::asio::error::operation_aborted;
    if (met_itself(opened.native_handle(), address)) co_return code_of(ECONNREFUSED);
    connection = std::move(opened);
    if (options.socket() && !options.socket()->no_delay()) {
        const int off = 0; // the stream has turned it on
        setsockopt(connection.native_handle(), IPPROTO_TCP, TCP_NODELAY, &off, sizeof(off));
    }
    co_return attempt_result();
}

} // namespace tandem::net
