// Pairs of connected streams for tests: plain, and TLS with a certificate for localhost.
#pragma once

#include "lib/net/stream.hpp"
#include "lib/net/tls_context.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/http/test_certificates.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/when_all.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace stream_test {

using boost::system::error_code;
using tandem::io_result;
using tandem::task;
using tandem::net::stream;
using tandem::net::tls_context;
using namespace std::chrono_literals;
namespace error = boost::asio::error;

enum class kind { local, tcp, tls };

using tests::local_pair;
using tests::tcp_pair;

// Its close sends RST.
inline void will_reset(int fd) {
    linger now{};
    now.l_onoff = 1;
    REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
}

inline std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
}

inline tandem::scheduler& home() {
    return tandem::task_context::current()->home();
}

class tls_settings {
public:
    tls_settings()
        : files(authority.issue()), client(tls_context::client(authority.ca_file())),
          server(tls_context::server(files.certificate, files.key)) {}
    test_support::certificate_authority authority;
    test_support::certificate_files files;
    tls_context client;
    tls_context server;
};
inline tls_settings& tls() {
    static tls_settings settings;
    return settings;
}

// Two ends of a connection. A test that would hang fails: both have a deadline.
class ends {
public:
    ends(stream l, stream r) : left(std::move(l)), right(std::move(r)) { limit(20s); }
    void limit(std::chrono::nanoseconds time) {
        left.expires_at(stream::clock::now() + time);
        right.expires_at(stream::clock::now() + time);
    }
    stream left;
    stream right;
};

inline task<ends> connected(kind k) {
    const std::pair<int, int> fds = k == kind::local ? local_pair() : tcp_pair();
    ends e(stream(home(), fds.first), stream(home(), fds.second));
    if (k == kind::tls) {
        const auto [l, r] = co_await tandem::when_all(e.left.handshake_client(tls().client, "localhost"),
                                                      e.right.handshake_server(tls().server));
        REQUIRE(l == error_code());
        REQUIRE(r == error_code());
    }
    co_return e;
}

// Everything until the end of the stream or an error.
inline task<io_result> read_all(stream& from, std::string& into, std::size_t piece = 65536) {
    std::string buffer(piece, '\0');
    for (;;) {
        const io_result got = co_await from.read_some(buffer.data(), buffer.size());
        if (got.error || got.bytes == 0) co_return got;
        into.append(buffer, 0, got.bytes);
    }
}

inline task<std::string> read_text(stream& from, std::size_t most = 1000) {
    std::string buffer(most, '\0');
    const io_result got = co_await from.read_some(buffer.data(), buffer.size());
    if (got.error) co_return "error: " + got.error.message();
    buffer.resize(got.bytes);
    co_return buffer;
}

} // namespace stream_test
