// A server for tests that does exactly what a script says: blocking sockets, a thread for each connection.
#pragma once

#include <tandem/core/runtime.hpp>

#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace scripted {

// One accepted connection.
class peer {
public:
    explicit peer(int fd) noexcept : fd_(fd) {}
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;
    ~peer() { close(); }

    // The next request, head and body (by Content-Length); empty when the client has closed.
    std::string read_request() {
        for (;;) {
            const std::size_t end = buffer_.find("\r\n\r\n");
            if (end != std::string::npos) {
                const std::size_t size = end + 4 + body_length(buffer_.substr(0, end + 2));
                while (buffer_.size() < size)
                    if (!receive()) return std::string();
                std::string request = buffer_.substr(0, size);
                buffer_.erase(0, size);
                return request;
            }
            if (!receive()) return std::string();
        }
    }
    // Only the head; the body stays unread.
    std::string read_head() {
        std::size_t end;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            if (!receive()) return std::string();
        std::string head = buffer_.substr(0, end + 4);
        buffer_.erase(0, end + 4);
        return head;
    }
    // All up to and with `mark`, such as the end of a chunked body; empty when the client has closed.
    std::string read_until(std::string_view mark) {
        std::size_t end;
        while ((end = buffer_.find(mark)) == std::string::npos)
            if (!receive()) return std::string();
        std::string text = buffer_.substr(0, end + mark.size());
        buffer_.erase(0, end + mark.size());
        return text;
    }
    // Exactly so many bytes; fewer when the client has closed.
    std::string read_bytes(std::size_t size) {
        while (buffer_.size() < size && receive()) {
        }
        std::string bytes = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return bytes;
    }
    void send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // Until the client has closed (or the test is over).
    void wait_closed() {
        while (receive()) {
        }
    }
    void close() noexcept {
        const int fd = fd_.exchange(-1);
        if (fd >= 0) ::close(fd);
    }
    // Closes with a TCP reset.
    void reset() noexcept {
        const linger now{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close();
    }
    int native_handle() const noexcept { return fd_; }
    void shut() noexcept { ::shutdown(fd_, SHUT_RDWR); }

private:
    bool receive() {
        char data[16384];
        const ssize_t n = ::recv(fd_, data, sizeof(data), 0);
        if (n <= 0) return false;
        buffer_.append(data, static_cast<std::size_t>(n));
        return true;
    }
    static std::size_t body_length(const std::string& head) {
        const std::size_t at = head.find("Content-Length: ");
        std::size_t length = 0;
        if (at != std::string::npos)
            std::from_chars(head.data() + at + 16, head.data() + head.size(), length);
        return length;
    }

    std::atomic<int> fd_;
    std::string buffer_;
};

class server {
public:
    using script = std::function<void(peer&, int number)>; // number: of the connection, from 0

    // On a Unix socket.
    server(const std::string& path, script what) : script_(std::move(what)) {
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
            ::listen(listener_, 256) != 0)
            throw std::runtime_error("no local listener for a test");
        acceptor_ = std::thread([this] { accept_all(); });
    }
    explicit server(script what) : script_(std::move(what)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_, 256) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no listener for a test");
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ~server() {
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        {
            const std::lock_guard lock(mutex_);
            for (const auto& p : peers_)
                p->shut();
        }
        for (std::thread& t : threads_)
            t.join();
        ::close(listener_);
    }
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    std::string host_port() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string url(std::string_view path = "/") const { return "http://" + host_port() + std::string(path); }
    int connections() const noexcept { return connections_; }

    std::vector<std::string> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    void note(std::string request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
    }

private:
    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return;
            const int number = connections_++;
            auto p = std::make_shared<peer>(fd);
            const std::lock_guard lock(mutex_);
            peers_.push_back(p);
            threads_.emplace_back([this, p, number] {
                script_(*p, number);
                const std::lock_guard closing(mutex_);
                p->close();
            });
        }
    }

    script script_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::thread acceptor_;
    std::atomic<int> connections_{0};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<std::shared_ptr<peer>> peers_;
    std::vector<std::thread> threads_;
};

// A server that answers every request by `answer(request)` and keeps connections alive.
class answering : public server {
public:
    using function = std::function<std::string(const std::string& request)>;
    explicit answering(function answer) : server([this, answer](peer& p, int) { serve(p, answer); }) {}
    answering(const std::string& path, function answer) // on a Unix socket
        : server(path, [this, answer](peer& p, int) { serve(p, answer); }) {}

private:
    void serve(peer& p, const function& answer) {
        for (;;) {
            std::string request = p.read_request();
            if (request.empty()) return;
            std::string text = answer(request);
            note(std::move(request));
            p.send(text);
        }
    }
};

inline std::string ok(std::string_view body, std::string_view fields = std::string_view()) {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
}

// "/a" of "GET /a HTTP/1.1".
inline std::string target_of(const std::string& request) {
    const std::size_t begin = request.find(' ') + 1;
    return request.substr(begin, request.find(' ', begin) - begin);
}

// The value of a field, or "-" if it is absent.
inline std::string field_of(const std::string& request, const std::string& name) {
    const std::size_t at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "-";
    const std::size_t begin = at + name.size() + 4;
    return request.substr(begin, request.find("\r\n", begin) - begin);
}

inline std::string body_of(const std::string& request) {
    return request.substr(request.find("\r\n\r\n") + 4);
}

// Runs a task to its end on a loop of its own.
template <class T>
T run(tandem::task<T> work) {
    tandem::runtime_options options;
    options.workers(1);
    tandem::runtime runtime(std::move(options));
    return runtime.run(std::move(work));
}

} // namespace scripted
