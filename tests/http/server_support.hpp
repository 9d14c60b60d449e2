// A server on a thread of its own, and a client that is nothing but a blocking socket.
#pragma once

#include <tandem/core/runtime.hpp>
#include <tandem/http/server.hpp>

#include "tests/support/catch.hpp"

#include <charconv>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace server_test {

using namespace tandem;
using namespace tandem::http;

// Waits at most 20 s for anything; a test that would hang fails instead.
class raw_client {
public:
    explicit raw_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        timeval limit{};
        limit.tv_sec = 20;
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
    }
    raw_client(raw_client&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), unread_(std::move(other.unread_)) {
    }
    ~raw_client() { close(); }

    bool connected() const { return connected_; }
    int native_handle() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void end_output() { ::shutdown(fd_, SHUT_WR); }

    // False when the server does not take it any more.
    bool send(std::string_view data) {
        while (!data.empty()) {
            const ssize_t n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            data.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    // Whether something (or the end) comes within so many milliseconds.
    bool readable_within(int milliseconds) {
        pollfd p{};
        p.fd = fd_;
        p.events = POLLIN;
        return !unread_.empty() || ::poll(&p, 1, milliseconds) == 1;
    }

    // The next head (also an interim one), with its empty line; what there is when the stream ends.
    std::string read_head() {
        while (unread_.find("\r\n\r\n") == std::string::npos && more()) {
        }
        const std::size_t end = unread_.find("\r\n\r\n");
        return take(end == std::string::npos ? unread_.size() : end + 4);
    }
    std::string read_bytes(std::size_t n) {
        while (unread_.size() < n && more()) {
        }
        return take(std::min(n, unread_.size()));
    }

    // Head and body of the next response, by its Content-Length.
    std::string read_response() {
        std::string response = read_head();
        std::size_t length = 0;
        constexpr std::string_view field = "\r\nContent-Length: ";
        if (const std::size_t at = response.find(field); at != std::string::npos)
            std::from_chars(response.data() + at + field.size(), response.data() + response.size(), length);
        return response += read_bytes(length);
    }
    std::string read_to_end() {
        while (more()) {
        }
        return take(unread_.size());
    }
    // Whether the stream ended in order (with a FIN and not a reset), and nothing was left.
    bool at_end() { return unread_.empty() && !more() && last_ == 0; }

private:
    bool more() {
        char buffer[65536];
        last_ = ::recv(fd_, buffer, sizeof(buffer), 0);
        if (last_ > 0) unread_.append(buffer, static_cast<std::size_t>(last_));
        return last_ > 0;
    }
    std::string take(std::size_t n) {
        std::string front = unread_.substr(0, n);
        unread_.erase(0, n);
        return front;
    }

    int fd_;
    bool connected_ = false;
    ssize_t last_ = 0;
    std::string unread_;
};

class running_server {
public:
    running_server(server_options options, server::handler handle)
        : server_(std::move(options.port(0)), std::move(handle)) {
        server_.listen();
        thread_ = std::thread([this] {
            runtime loop(runtime_options().workers(1));
            try {
                loop.run(server_.serve());
            } catch (...) {
                failure_ = std::current_exception();
            }
        });
    }
    ~running_server() { stop(); }

    std::uint16_t port() const { return server_.port(); }
    server& get() { return server_; }

    // Ends it and waits; gives what serve() threw.
    std::exception_ptr stop() {
        if (thread_.joinable()) {
            server_.stop();
            thread_.join();
        }
        return failure_;
    }

private:
    server server_;
    std::exception_ptr failure_;
    std::thread thread_;
};

inline task<server_response> echo(server_request request) {
    std::string seen = request.method_name();
    seen.append("|").append(request.path()).append("|").append(request.query());
    seen.append("|").append(request.body());
    co_return server_response::text(std::move(seen));
}

inline std::string body_of(const std::string& response) {
    const std::size_t end = response.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : response.substr(end + 4);
}
inline bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}
inline int status_of(const std::string& response) {
    int status = 0;
    if (response.size() > 12) std::from_chars(response.data() + 9, response.data() + 12, status);
    return status;
}

inline std::string get(std::string_view target, std::string_view fields = "") {
    return std::string("GET ")
        .append(target)
        .append(" HTTP/1.1\r\nHost: h\r\n")
        .append(fields)
        .append("\r\n");
}

} // namespace server_test
