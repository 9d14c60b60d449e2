// socket_options, and what lib/net/socket_setup.hpp makes of them.
#include "tandem/net/socket_options.hpp"

#include "lib/net/socket_setup.hpp"

#include "tests/net/stream_support.hpp"

#include <stdexcept>
#include <string>

#include <netinet/tcp.h>

using namespace stream_test;
using tandem::socket_options;
using tandem::net::set_up;

namespace {

class tcp_socket {
public:
    explicit tcp_socket(int family = AF_INET) : fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        REQUIRE(fd >= 0);
    }
    tcp_socket(const tcp_socket&) = delete;
    tcp_socket& operator=(const tcp_socket&) = delete;
    ~tcp_socket() { ::close(fd); }
    int get(int level, int name) const {
        int value = 0;
        socklen_t size = sizeof(value);
        REQUIRE(::getsockopt(fd, level, name, &value, &size) == 0);
        return value;
    }
    const int fd;
};

} // namespace

TEST_CASE("socket options: what cannot be", "[net]") {
    for (const char* const text : {"", "localhost", "127.0.0.1:80", "1.2.3", "fe80::1%lo"})
        CHECK_THROWS_AS(socket_options().local_address(text), std::invalid_argument);
    CHECK_THROWS_AS(socket_options().interface_name(""), std::invalid_argument);
    CHECK_THROWS_AS(socket_options().interface_name("sixteen-bytes-xx"), std::invalid_argument);
    CHECK_NOTHROW(socket_options().interface_name("fifteen-bytes-x"));
}

TEST_CASE("socket options: put into effect", "[net]") {
    const tcp_socket s;
    const auto done = set_up(s.fd, AF_INET,
                             socket_options()
                                 .keep_alive(std::chrono::seconds(33), std::chrono::seconds(7), 5)
                                 .user_timeout(std::chrono::milliseconds(4321))
                                 .receive_buffer(20000)
                                 .send_buffer(30000)
                                 .local_address("127.0.0.9"));
    CHECK_FALSE(done.error);
    CHECK(s.get(SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(s.get(IPPROTO_TCP, TCP_KEEPIDLE) == 33);
    CHECK(s.get(IPPROTO_TCP, TCP_KEEPINTVL) == 7);
    CHECK(s.get(IPPROTO_TCP, TCP_KEEPCNT) == 5);
    CHECK(s.get(IPPROTO_TCP, TCP_USER_TIMEOUT) == 4321);
    CHECK(s.get(SOL_SOCKET, SO_RCVBUF) == 40000); // Linux doubles it
    CHECK(s.get(SOL_SOCKET, SO_SNDBUF) == 60000);
    sockaddr_in name{};
    socklen_t size = sizeof(name);
    REQUIRE(::getsockname(s.fd, reinterpret_cast<sockaddr*>(&name), &size) == 0);
    CHECK(ntohl(name.sin_addr.s_addr) == 0x7F000009);

    const tcp_socket untouched;
    CHECK_FALSE(set_up(untouched.fd, AF_INET, socket_options()).error);
    CHECK(untouched.get(SOL_SOCKET, SO_KEEPALIVE) == 0);
}

TEST_CASE("socket options: refused by the kernel, by name", "[net]") {
    const tcp_socket four;
    const auto family = set_up(four.fd, AF_INET, socket_options().local_address("::1"));
    CHECK(family.error == boost::system::errc::address_family_not_supported);
    CHECK(std::string(family.option) == "socket_options::local_address");
    const auto foreign = set_up(four.fd, AF_INET, socket_options().local_address("192.0.2.1"));
    CHECK(foreign.error == boost::system::errc::address_not_available);
    const auto interface = set_up(four.fd, AF_INET, socket_options().interface_name("no-such-if"));
    CHECK(interface.error);
    CHECK(std::string(interface.option) == "socket_options::interface_name");
    const auto probes =
        set_up(four.fd, AF_INET,
               socket_options().keep_alive(std::chrono::seconds(1), std::chrono::seconds(1), 100000));
    CHECK(probes.error);
    CHECK(std::string(probes.option) == "socket_options::keep_alive");
}
