// The floor: one thread, one epoll, one buffer for each connection, and a parser that knows a status line,
// the end of a header and a Content-Length. No time-outs, no limits, nothing that a client needs beside.
#include "bench/http/job.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

class connection {
public:
    int fd = -1;
    SSL* ssl = nullptr;
    bool ready = false; // connected, and TLS is set up
    double begun = 0;
    std::size_t received = 0; // of this response
    std::size_t expected = 0; // header and body; 0: not known yet
    std::vector<char> in;
};

class load {
public:
    explicit load(const job& what)
        : what_(what), epoll_(epoll_create1(EPOLL_CLOEXEC)), connections_(what.in_flight) {
        request_ = "GET " + what.path + " HTTP/1.1\r\nHost: " + what.host + ":" + std::to_string(what.port) +
                   (what.new_connections ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
        address_.sin_family = AF_INET;
        address_.sin_port = htons(what.port);
        inet_pton(AF_INET, what.host.c_str(), &address_.sin_addr);
        if (what.tls()) {
            tls_ = SSL_CTX_new(TLS_client_method());
            SSL_CTX_load_verify_locations(tls_, what.ca_file.c_str(), nullptr);
            SSL_CTX_set_verify(tls_, SSL_VERIFY_PEER, nullptr);
        }
        for (connection& c : connections_)
            c.in.resize(64 * 1024);
    }

    void run(std::size_t requests, measurement& notes) {
        to_begin_ = requests;
        to_end_ = requests;
        notes_ = &notes;
        for (connection& c : connections_)
            begin(c);
        std::array<epoll_event, 512> events;
        while (to_end_ != 0) {
            const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < n; ++i)
                go_on(*static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr));
        }
    }

private:
    void begin(connection& c) {
        if (to_begin_ == 0) return;
        --to_begin_;
        c.begun = wall_ns();
        c.received = c.expected = 0;
        if (c.fd >= 0) return send_request(c);
        c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int on = 1;
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (connect(c.fd, reinterpret_cast<const sockaddr*>(&address_), sizeof(address_)) != 0 &&
            errno != EINPROGRESS)
            die("epoll: cannot connect");
        epoll_event wanted{};
        wanted.events = EPOLLIN | EPOLLOUT | EPOLLET;
        wanted.data.ptr = &c;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &wanted);
        c.ready = false;
        if (tls_) {
            c.ssl = SSL_new(tls_);
            SSL_set_fd(c.ssl, c.fd);
            SSL_set_connect_state(c.ssl);
        }
    }

    void send_request(connection& c) {
        const auto size = static_cast<int>(request_.size());
        const ssize_t n = c.ssl ? SSL_write(c.ssl, request_.data(), size)
                                : send(c.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
        if (n != size) die("epoll: cannot send");
    }

    void go_on(connection& c) {
        if (c.fd < 0) return;
        if (!c.ready) {
            if (c.ssl) {
                const int done = SSL_do_handshake(c.ssl);
                const int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(c.ssl, done);
                if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return;
                if (done != 1) die("epoll: no TLS");
            } else {
                int failure = 0;
                socklen_t size = sizeof(failure);
                getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &failure, &size);
                if (failure != 0) die("epoll: connection refused");
            }
            c.ready = true;
            return send_request(c);
        }
        for (;;) {
            char* const at = c.in.data() + (c.expected == 0 ? c.received : 0);
            const std::size_t room = c.in.size() - static_cast<std::size_t>(at - c.in.data());
            const ssize_t n = c.ssl ? SSL_read(c.ssl, at, static_cast<int>(room)) : recv(c.fd, at, room, 0);
            if (n <= 0) {
                if (c.ssl ? SSL_get_error(c.ssl, static_cast<int>(n)) == SSL_ERROR_WANT_READ
                          : n < 0 && errno == EAGAIN)
                    return;
                die("epoll: the server has closed");
            }
            c.received += static_cast<std::size_t>(n);
            if (c.expected == 0) read_header(c);
            if (c.expected != 0 && c.received >= c.expected) return end(c);
            if (!c.ssl && static_cast<std::size_t>(n) < room) return;
        }
    }

    void read_header(connection& c) {
        const std::string_view text(c.in.data(), c.received);
        const std::size_t header = text.find("\r\n\r\n");
        if (header == std::string_view::npos) return;
        const std::size_t at = text.find("Content-Length: ");
        std::size_t length = 0;
        if (at == std::string_view::npos || text.substr(9, 3) != "200") die("epoll: a wrong response");
        std::from_chars(text.data() + at + 16, text.data() + header, length);
        if (length != what_.body_bytes) die("epoll: a wrong body");
        c.expected = header + 4 + length;
    }

    void end(connection& c) {
        notes_->note_ns(wall_ns() - c.begun);
        --to_end_;
        if (what_.new_connections) {
            if (c.ssl) SSL_free(c.ssl);
            c.ssl = nullptr;
            close(c.fd);
            c.fd = -1;
        }
        begin(c);
    }

    const job& what_;
    int epoll_;
    std::vector<connection> connections_;
    std::string request_;
    sockaddr_in address_{};
    SSL_CTX* tls_ = nullptr;
    std::size_t to_begin_ = 0;
    std::size_t to_end_ = 0;
    measurement* notes_ = nullptr;
};

} // namespace

int run_epoll_client(const job& what) {
    measurement notes;
    load requests(what);
    requests.run(what.warm_up(), notes);
    notes.begin();
    requests.run(what.requests, notes);
    notes.end(what.requests);
    return 0;
}

} // namespace bench
