// The smallest server that answers: 128 bytes, for "/d" 20 ms later. One thread, one epoll. It prints its
// port and ends when its standard input does.
#include "bench/http/job.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <unordered_map>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

constexpr double delay_ns = 20e6;

class connection {
public:
    std::array<char, 2048> in;
    std::size_t filled = 0;
    std::uint64_t number = 0; // descriptors are used again
};

class delayed {
public:
    double when;
    int fd;
    std::uint64_t number;
    bool close;
};

class server {
public:
    int run() {
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            listen(listener_, 4096) != 0 ||
            getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            die("the tiny server cannot listen");
        watch(listener_);
        watch(STDIN_FILENO);
        std::printf("%u\n", static_cast<unsigned>(ntohs(address.sin_port)));
        std::fflush(stdout);

        std::array<epoll_event, 512> events;
        for (;;) {
            const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms());
            for (int i = 0; i < n; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                if (fd == STDIN_FILENO) return 0;
                if (fd == listener_)
                    accept_all();
                else
                    serve(fd);
            }
            answer_delayed();
        }
    }

private:
    void watch(int fd) {
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted);
    }

    int wait_ms() const {
        if (later_.empty()) return -1;
        const double left = later_.front().when - wall_ns();
        return left <= 0 ? 0 : static_cast<int>(left / 1e6) + 1;
    }

    void accept_all() {
        for (;;) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            const auto at = static_cast<std::size_t>(fd);
            if (connections_.size() <= at) connections_.resize(at + 1);
            connections_[at] = std::make_unique<connection>();
            connections_[at]->number = ++accepted_;
            watch(fd);
        }
    }

    void drop(int fd) {
        connections_[static_cast<std::size_t>(fd)].reset();
        close(fd);
    }

    void serve(int fd) {
        connection& c = *connections_[static_cast<std::size_t>(fd)];
        const ssize_t n = recv(fd, c.in.data() + c.filled, c.in.size() - 1 - c.filled, 0);
        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR)) drop(fd);
            return;
        }
        c.filled += static_cast<std::size_t>(n);
        c.in[c.filled] = '\0';
        if (c.filled < 4 || std::memcmp(c.in.data() + c.filled - 4, "\r\n\r\n", 4) != 0) {
            if (c.filled == c.in.size() - 1) drop(fd);
            return;
        }
        const bool last = strcasestr(c.in.data(), "connection: close") != nullptr;
        c.filled = 0;
        if (c.in[5] == 'd')
            later_.push_back(delayed{wall_ns() + delay_ns, fd, c.number, last});
        else
            answer(fd, last);
    }

    void answer(int fd, bool last) {
        const std::string& text = last ? closing_ : keeping_;
        if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()) || last)
            drop(fd);
    }

    void answer_delayed() {
        if (later_.empty()) return;
        const double now = wall_ns();
        for (; !later_.empty() && later_.front().when <= now; later_.pop_front()) {
            const delayed& one = later_.front();
            const auto& there = connections_[static_cast<std::size_t>(one.fd)];
            if (there && there->number == one.number) answer(one.fd, one.close);
        }
    }

    static std::string response(std::string_view fields) {
        return "HTTP/1.1 200 OK\r\nServer: tiny\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n" +
               std::string(fields) + "\r\n" + std::string(128, 'x');
    }

    const std::string keeping_ = response("");
    const std::string closing_ = response("Connection: close\r\n");
    int epoll_ = -1;
    int listener_ = -1;
    std::uint64_t accepted_ = 0;
    std::vector<std::unique_ptr<connection>> connections_; // by descriptor
    std::deque<delayed> later_;
};

} // namespace

int run_tiny_server() {
    return server().run();
}

} // namespace bench
