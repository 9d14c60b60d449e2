// Unix sockets.
#include "lib/net/connect.hpp"

#include <tandem/concurrency/sleep.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tandem::net {

namespace {

using boost::system::error_code;

connect_result failure(const std::string& path, int number) {
    connect_result result;
    result.error = error_code(number, boost::system::system_category());
    result.detail = path + ": " + result.error.message();
    return result;
}

// 0, or why not.
int connect_once(scheduler& home, const sockaddr_un& peer, stream& connection) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0) {
        const int failed = errno;
        ::close(fd);
        return failed;
    }
    connection = stream(home, fd);
    return 0;
}

} // namespace

task<connect_result> connect_local(std::string path, std::chrono::steady_clock::time_point deadline) {
    using std::chrono::milliseconds;
    task_context& context = *task_context::current();
    sockaddr_un peer{};
    peer.sun_family = AF_UNIX;
    if (path.empty() || path.find('\0') != std::string::npos) co_return failure(path, EINVAL);
    if (path.size() >= sizeof(peer.sun_path)) co_return failure(path, ENAMETOOLONG);
    std::memcpy(peer.sun_path, path.data(), path.size());
    for (milliseconds pause(1);; pause = std::min(pause * 2, milliseconds(100))) {
        connect_result result;
        if (context.cancelled()) {
            result.error = boost::asio::error::operation_aborted;
            result.detail = "connecting was cancelled";
            co_return result;
        }
        int failed = 0;
        try {
            failed = connect_once(context.home(), peer, result.connection);
        } catch (const system_error& refused) {
            result.error = refused.code();
            result.detail = path + ": " + result.error.message();
            co_return result;
        }
        if (failed == 0) co_return result;
        if (failed != EAGAIN && failed != EINTR) co_return failure(path, failed);
        const auto now = context.home().now();
        if (now >= deadline) co_return failure(path, ETIMEDOUT);
        try {
            co_await sleep_for(std::min<std::chrono::nanoseconds>(pause, deadline - now));
        } catch (const operation_cancelled&) {
            // the loop looks at it
        }
    }
}

} // namespace tandem::net
