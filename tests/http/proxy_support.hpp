// Proxies for tests, scripted like servers: what they see is noted, and where asked for they pass bytes on.
#pragma once

#include "tests/http/scripted_server.hpp"
#include "tests/http/tls_server.hpp"
#include "tests/support/catch.hpp"

#include <tandem/http/client.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace scripted {

// A proxy of this machine as text: `before` is the scheme, and who asks.
inline std::string at(std::uint16_t port, const std::string& before = "http://") {
    return before + "127.0.0.1:" + std::to_string(port);
}

// One request of a client of its own.
inline tandem::http::result<tandem::http::response> fetch(const tandem::http::client_options& options,
                                                          tandem::http::request what) {
    using result = tandem::http::result<tandem::http::response>;
    auto work = [&]() -> tandem::task<result> {
        tandem::http::client web(options);
        result r = co_await web.try_send(std::move(what));
        CHECK(web.counters().connections_in_use == 0);
        co_return r;
    };
    return run(work());
}
inline tandem::http::result<tandem::http::response> fetch(const tandem::http::client_options& options,
                                                          const std::string& url) {
    return fetch(options, tandem::http::request(url));
}

inline int connect_to_loopback(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0) return fd;
    ::close(fd);
    return -1;
}

// Passes bytes on between two sockets until one of them ends. Closes neither.
inline void pass_on(int one, int other) {
    std::array<char, 4096> data;
    for (;;) {
        std::array<pollfd, 2> both{pollfd{one, POLLIN, 0}, pollfd{other, POLLIN, 0}};
        if (::poll(both.data(), both.size(), -1) < 0) return;
        for (const auto& [from, to] : {std::pair(0, 1), std::pair(1, 0)}) {
            const auto f = static_cast<std::size_t>(from);
            if (both[f].revents == 0) continue;
            const ssize_t n = ::recv(both[f].fd, data.data(), data.size(), 0);
            if (n <= 0) return;
            const int target = both[static_cast<std::size_t>(to)].fd;
            for (ssize_t sent = 0; sent < n;) {
                const ssize_t now =
                    ::send(target, data.data() + sent, static_cast<std::size_t>(n - sent), MSG_NOSIGNAL);
                if (now <= 0) return;
                sent += now;
            }
        }
    }
}

// Exactly `size` bytes; fewer when the client has closed.
inline std::string read_bytes(peer& p, std::size_t size) {
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < size) {
        const ssize_t n = ::recv(p.native_handle(), text.data() + got, size - got, 0);
        if (n <= 0) break;
        got += static_cast<std::size_t>(n);
    }
    text.resize(got);
    return text;
}

// Opens a tunnel to `port` of this machine, whatever the CONNECT asks for. Each CONNECT is noted.
class connect_proxy : public server {
public:
    explicit connect_proxy(std::uint16_t port,
                           std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n")
        : server([this, port, answer](peer& p, int) {
              std::string request = p.read_head();
              if (request.empty()) return;
              note(std::move(request));
              p.send(answer);
              const int there = connect_to_loopback(port);
              if (there < 0) return;
              pass_on(p.native_handle(), there);
              ::close(there);
          }) {}
};

// The same over TLS.
class https_proxy {
public:
    https_proxy(const test_support::certificate_files& files, std::uint16_t port)
        : context_(SSL_CTX_new(TLS_server_method())),
          server_(std::make_unique<server>([this, port](peer& p, int) { serve(p, port); })) {
        REQUIRE(SSL_CTX_use_certificate_file(context_, files.certificate.c_str(), SSL_FILETYPE_PEM) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
    ~https_proxy() {
        server_.reset();
        SSL_CTX_free(context_);
    }
    https_proxy(const https_proxy&) = delete;
    https_proxy& operator=(const https_proxy&) = delete;
    std::uint16_t port() const { return server_->port(); }
    std::vector<std::string> requests() const { return server_->requests(); }

private:
    void serve(peer& p, std::uint16_t port) {
        SSL* const tls = SSL_new(context_);
        SSL_set_fd(tls, p.native_handle());
        if (SSL_accept(tls) == 1) tunnel(tls, p.native_handle(), port);
        SSL_free(tls);
    }
    void tunnel(SSL* tls, int fd, std::uint16_t port) {
        std::string head;
        std::array<char, 4096> data;
        while (head.find("\r\n\r\n") == std::string::npos) {
            const int n = SSL_read(tls, data.data(), 1);
            if (n <= 0) return;
            head.append(data.data(), 1);
        }
        const bool connect = head.starts_with("CONNECT ");
        server_->note(std::move(head));
        const std::string answer = connect ? "HTTP/1.1 200 OK\r\n\r\n" : ok("from the proxy");
        SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
        const int there = connect ? connect_to_loopback(port) : -1;
        if (there < 0) return;
        for (bool open = true; open;) {
            std::array<pollfd, 2> both{pollfd{fd, POLLIN, 0}, pollfd{there, POLLIN, 0}};
            if (::poll(both.data(), both.size(), -1) < 0) break;
            if (both[0].revents != 0) {
                do {
                    const int n = SSL_read(tls, data.data(), static_cast<int>(data.size()));
                    open =
                        n > 0 && ::send(there, data.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) == n;
                } while (open && SSL_pending(tls) > 0);
            } else if (both[1].revents != 0) {
                const ssize_t n = ::recv(there, data.data(), data.size(), 0);
                open = n > 0 && SSL_write(tls, data.data(), static_cast<int>(n)) > 0;
            }
        }
        ::close(there);
    }

    SSL_CTX* context_;
    std::unique_ptr<server> server_;
};

// SOCKS 5 to `port` of this machine. Notes "method user:password type destination port".
class socks_proxy : public server {
public:
    explicit socks_proxy(std::uint16_t port, char method = 0)
        : server([this, port, method](peer& p, int) { serve(p, port, method); }) {}

private:
    void serve(peer& p, std::uint16_t port, char method) {
        const std::string hello = read_bytes(p, 2);
        if (hello.size() < 2 || hello[0] != 5) return;
        const std::string methods = read_bytes(p, static_cast<unsigned char>(hello[1]));
        if (methods.find(method) == std::string::npos) return p.send("\x05\xFF");
        p.send(std::string{'\x05', method});
        std::string said = std::to_string(method) + " ";
        if (method == 2) {
            const std::string user = text_after(p, read_bytes(p, 2));
            said += user + ":" + text_after(p, read_bytes(p, 1)) + " ";
            p.send(std::string("\x01\x00", 2));
        }
        const std::string head = read_bytes(p, 4);
        if (head.size() < 4) return;
        said += std::to_string(head[3]) + " ";
        if (head[3] == 3)
            said += text_after(p, read_bytes(p, 1));
        else
            for (const char c : read_bytes(p, head[3] == 1 ? 4 : 16))
                said += std::to_string(static_cast<unsigned char>(c)) + ".";
        const std::string to = read_bytes(p, 2);
        if (to.size() < 2) return;
        said +=
            " " + std::to_string(static_cast<unsigned char>(to[0]) * 256 + static_cast<unsigned char>(to[1]));
        note(std::move(said));
        p.send(std::string("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10));
        const int there = connect_to_loopback(port);
        if (there < 0) return;
        pass_on(p.native_handle(), there);
        ::close(there);
    }
    static std::string text_after(peer& p, const std::string& length) {
        return length.empty() ? std::string() : read_bytes(p, static_cast<unsigned char>(length.back()));
    }
};

} // namespace scripted
