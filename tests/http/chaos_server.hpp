// A server that does to each request what the request's target says: answers it in some form, or fails in
// some way. One thread, one epoll: it stays small however many connections come and go. HTTP/1.1, or what
// else a `speaker` makes of a connection's bytes (tests/http/chaos_h2.hpp).
//
//     "/<id>/<behaviour>/<size>"      the body of an answer is text_for(id, size)
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace chaos {

enum class behaviour {
    plain,           // Content-Length
    chunked,         // with a trailer
    to_the_end,      // HTTP/1.0, ends with the connection
    redirect,        // 302 to the same id, plain
    says_close,      // Connection: close
    silent_close,    // keeps alive, as it says, and closes all the same
    echo,            // the request's body
    no_answer,       // stays silent
    stalls,          // half of the body, then silence
    closes,          // without a byte
    resets,          // without a byte
    truncated,       // closes within the body
    resets_in_body,  // half of the body first
    chunks_cut,      // closes within a chunk
    garbage,         // what is no HTTP
    two_lengths,     // Content-Length twice, not the same
    trailing_answer, // a second response that nobody asked for
};
inline constexpr int behaviours = 17;

inline bool is_answer(behaviour what) noexcept {
    return what <= behaviour::echo || what == behaviour::trailing_answer;
}

inline std::string text_for(std::uint64_t id, std::size_t size) {
    const std::string one = std::to_string(id) + ";";
    std::string text;
    while (text.size() < size)
        text += one;
    text.resize(size);
    return text;
}

inline std::string target(std::uint64_t id, behaviour what, std::size_t size) {
    return "/" + std::to_string(id) + "/" + std::to_string(static_cast<int>(what)) + "/" +
           std::to_string(size);
}

// What a target asks for.
class parts {
public:
    std::uint64_t id = 0;
    behaviour what = behaviour::plain;
    std::size_t size = 0;
};

inline std::size_t number_at(std::string_view text) {
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// Of a text whose first '/' begins a target.
inline parts parts_of(std::string_view text) {
    const std::size_t id_at = text.find('/') + 1;
    const std::size_t what_at = text.find('/', id_at) + 1;
    const std::size_t size_at = text.find('/', what_at) + 1;
    parts found;
    found.id = number_at(text.substr(id_at));
    found.what = static_cast<behaviour>(number_at(text.substr(what_at)));
    found.size = number_at(text.substr(size_at));
    return found;
}

class connection;

// Another protocol, on one connection.
class speaker {
public:
    virtual ~speaker() = default;
    virtual void received(int fd, connection& c) = 0; // takes what it can use out of c.in, and fills c.out
    virtual void sent(int fd, connection& c) = 0;     // c.out is empty: fills it, if there is more
};

class connection {
public:
    std::string in;
    std::string out;
    bool last = false; // close when all is sent
    bool mute = false; // whatever comes is not answered
    std::unique_ptr<chaos::speaker> speaker;
};

// Closing it is a TCP reset.
inline void make_reset(int fd) {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

class server {
public:
    using speaker_maker = std::function<std::unique_ptr<speaker>(std::atomic<std::uint64_t>& requests)>;
    explicit server(speaker_maker make = speaker_maker())
        : make_(std::move(make)), epoll_(epoll_create1(EPOLL_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)),
          listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            listen(listener_, 1024) != 0 ||
            getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no listener for a test");
        port_ = ntohs(address.sin_port);
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
        watch(EPOLL_CTL_ADD, stop_, EPOLLIN);
        thread_ = std::thread([this] { run(); });
    }
    ~server() {
        const std::uint64_t one = 1;
        static_cast<void>(!write(stop_, &one, sizeof(one)));
        thread_.join();
        for (std::size_t fd = 0; fd < connections_.size(); ++fd)
            if (connections_[fd]) ::close(static_cast<int>(fd));
        for (const int fd : {listener_, stop_, epoll_})
            ::close(fd);
    }
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    std::uint64_t accepted() const noexcept { return accepted_; }
    std::uint64_t open() const noexcept { return open_; } // soon after the client has closed: 0
    std::uint64_t requests() const noexcept { return requests_; }

private:
    void watch(int operation, int fd, std::uint32_t events) const {
        epoll_event wanted{};
        wanted.events = events;
        wanted.data.fd = fd;
        epoll_ctl(epoll_, operation, fd, &wanted);
    }

    void run() {
        std::array<epoll_event, 256> events;
        for (;;) {
            const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < n; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                if (fd == stop_) return;
                if (fd == listener_)
                    accept_all();
                else if (!serve(fd, *connections_[static_cast<std::size_t>(fd)]))
                    drop(fd);
            }
        }
    }

    void accept_all() {
        for (;;) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            const auto at = static_cast<std::size_t>(fd);
            if (connections_.size() <= at) connections_.resize(at + 1);
            connections_[at] = std::make_unique<connection>();
            if (make_) connections_[at]->speaker = make_(requests_);
            ++accepted_;
            ++open_;
            watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        }
    }

    void drop(int fd) {
        connections_[static_cast<std::size_t>(fd)].reset();
        ::close(fd);
        --open_;
    }

    // False: the connection is over.
    bool serve(int fd, connection& c) {
        std::array<char, 16384> piece;
        for (;;) {
            const ssize_t n = recv(fd, piece.data(), piece.size(), 0);
            if (n == 0) return false;
            if (n < 0) {
                if (errno == EINTR) continue;
                if (errno != EAGAIN) return false;
                break;
            }
            if (!c.mute && !c.last) c.in.append(piece.data(), static_cast<std::size_t>(n));
        }
        if (c.speaker && !c.last) c.speaker->received(fd, c);
        while (!c.speaker && !c.mute && !c.last)
            if (!answer_next(fd, c)) break;
        return flush(fd, c);
    }

    bool flush(int fd, connection& c) {
        while (!c.out.empty()) {
            const ssize_t n = ::send(fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
            if (n < 0) {
                if (errno != EAGAIN) return false;
                watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
                return true;
            }
            c.out.erase(0, static_cast<std::size_t>(n));
            if (c.speaker && c.out.empty() && !c.last) c.speaker->sent(fd, c);
        }
        watch(EPOLL_CTL_MOD, fd, EPOLLIN);
        return !c.last;
    }

    // One request out of the input; false when there is none.
    bool answer_next(int fd, connection& c) {
        const std::size_t end = c.in.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        const std::string head = c.in.substr(0, end + 4);
        const std::size_t length_at = head.find("Content-Length: ");
        const std::size_t length =
            length_at == std::string::npos ? 0 : number_at(std::string_view(head).substr(length_at + 16));
        if (c.in.size() < head.size() + length) return false;
        const std::string sent = c.in.substr(head.size(), length);
        c.in.erase(0, head.size() + length);
        ++requests_;

        const parts asked = parts_of(head);
        do_as_told(fd, c, asked.id, asked.what, asked.size, sent);
        return true;
    }

    static std::string with_length(std::string_view body, std::string_view fields = "") {
        return "HTTP/1.1 200 OK\r\n" + std::string(fields) +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    }

    static void do_as_told(int fd, connection& c, std::uint64_t id, behaviour what, std::size_t size,
                           const std::string& sent) {
        const std::string body = text_for(id, size);
        const std::string whole = with_length(body);
        switch (what) {
        case behaviour::plain:
            c.out += whole;
            break;
        case behaviour::chunked: {
            char length[20];
            const auto digits = std::to_chars(length, length + sizeof(length), size, 16);
            c.out += "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            if (size != 0) c.out += std::string(length, digits.ptr) + ";x=y\r\n" + body + "\r\n";
            c.out += "0\r\nX-Id: " + std::to_string(id) + "\r\n\r\n";
            break;
        }
        case behaviour::to_the_end:
            c.out += "HTTP/1.0 200 OK\r\n\r\n" + body;
            c.last = true;
            break;
        case behaviour::redirect:
            c.out += "HTTP/1.1 302 There\r\nLocation: " + target(id, behaviour::plain, size) +
                     "\r\nContent-Length: 3\r\n\r\nsee";
            break;
        case behaviour::says_close:
            c.out += with_length(body, "Connection: close\r\n");
            c.last = true;
            break;
        case behaviour::silent_close:
            c.out += whole;
            c.last = true;
            break;
        case behaviour::echo:
            c.out += with_length(sent);
            break;
        case behaviour::no_answer:
            c.mute = true;
            break;
        case behaviour::stalls:
            c.out += whole.substr(0, whole.size() - 1 - size / 2);
            c.mute = true;
            break;
        case behaviour::closes:
            c.last = true;
            break;
        case behaviour::resets:
            make_reset(fd);
            c.last = true;
            break;
        case behaviour::truncated:
            c.out += whole.substr(0, whole.size() - 1 - size / 2);
            c.last = true;
            break;
        case behaviour::resets_in_body:
            c.out += whole.substr(0, whole.size() - 1 - size / 2);
            make_reset(fd);
            c.last = true;
            break;
        case behaviour::chunks_cut:
            c.out += "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + body;
            c.last = true;
            break;
        case behaviour::garbage:
            c.out += "not HTTP at all\r\n\r\n";
            c.last = true;
            break;
        case behaviour::two_lengths:
            c.out += with_length(body, "Content-Length: 999999\r\n");
            c.last = true;
            break;
        case behaviour::trailing_answer:
            c.out += whole + with_length("nobody asked");
            break;
        }
    }

    speaker_maker make_;
    int epoll_;
    int stop_;
    int listener_;
    std::uint16_t port_ = 0;
    std::atomic<std::uint64_t> accepted_{0};
    std::atomic<std::uint64_t> open_{0};
    std::atomic<std::uint64_t> requests_{0};
    std::vector<std::unique_ptr<connection>> connections_; // by descriptor
    std::thread thread_;
};

} // namespace chaos
