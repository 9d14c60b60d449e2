// A name server for tests: UDP on 127.0.0.1, a port of the kernel's choice, nothing on TCP. A function
// decides about each question; a reply may be held back until the test says so.
#pragma once

#include "tests/support/catch.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dns_test {

constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_aaaa = 28;

class reply {
public:
    enum class way { send, drop, hold };

    reply() noexcept {}
    // Addresses of the question's family count, others do not.
    static reply with(std::vector<std::string> addresses, std::uint32_t ttl = 30) {
        reply r;
        r.addresses = std::move(addresses);
        r.ttl = ttl;
        return r;
    }
    static reply code(std::uint8_t rcode) {
        reply r;
        r.rcode = rcode;
        return r;
    }
    static reply dropped() {
        reply r;
        r.how = way::drop;
        return r;
    }
    reply held() && {
        how = way::hold;
        return std::move(*this);
    }

    std::vector<std::string> addresses;
    std::uint32_t ttl = 30;
    std::uint8_t rcode = 0; // 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED
    way how = way::send;
};

class server {
public:
    using decide =
        std::function<reply(const std::string& name, std::uint16_t type)>; // on the server's thread

    explicit server(decide d) : decide_(std::move(d)) {
        socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        REQUIRE(socket_ >= 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
        socklen_t size = sizeof(address);
        REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        wake_ = ::eventfd(0, EFD_CLOEXEC);
        REQUIRE(wake_ >= 0);
        thread_ = std::thread([this] { serve(); });
    }
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        wake();
        thread_.join();
        ::close(socket_);
        ::close(wake_);
    }

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    // Questions about `name` so far.
    int asked(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return asked_[name];
    }
    // Blocks the calling thread until `name` was asked for `times` times.
    void wait_for_questions(const std::string& name, int times) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return asked_[name] >= times; });
    }
    // Sends what was held back and holds nothing more.
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        wake();
    }

private:
    class packet {
    public:
        std::vector<unsigned char> bytes;
        sockaddr_in to{};
    };

    void wake() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof(one));
    }

    void serve() {
        std::vector<packet> held;
        for (;;) {
            std::array<pollfd, 2> fds{{{socket_, POLLIN, 0}, {wake_, POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), -1);
            bool released = false;
            {
                const std::lock_guard lock(mutex_);
                if (stop_) return;
                released = released_;
            }
            if (fds[1].revents) {
                std::uint64_t count = 0;
                [[maybe_unused]] const auto n = ::read(wake_, &count, sizeof(count));
            }
            if (released) {
                for (const packet& p : held)
                    send(p);
                held.clear();
            }
            if (fds[0].revents) receive(held, released);
        }
    }

    void receive(std::vector<packet>& held, bool released) {
        std::array<unsigned char, 512> question{};
        packet answer;
        socklen_t size = sizeof(answer.to);
        const ssize_t n = ::recvfrom(socket_, question.data(), question.size(), 0,
                                     reinterpret_cast<sockaddr*>(&answer.to), &size);
        if (n < 17) return;
        std::string name;
        std::size_t at = 12;
        while (at < static_cast<std::size_t>(n) && question[at] != 0) {
            if (!name.empty()) name += '.';
            name.append(reinterpret_cast<const char*>(&question[at + 1]), question[at]);
            at += question[at] + 1U;
        }
        const auto type = static_cast<std::uint16_t>(question[at + 1] << 8 | question[at + 2]);
        const std::size_t end = at + 5;

        const reply r = decide_(name, type);
        {
            const std::lock_guard lock(mutex_);
            ++asked_[name];
        }
        changed_.notify_all();
        if (r.how == reply::way::drop) return;
        answer.bytes.assign(question.begin(), question.begin() + static_cast<std::ptrdiff_t>(end));
        write(answer.bytes, r, type);
        if (r.how == reply::way::hold && !released)
            held.push_back(std::move(answer));
        else
            send(answer);
    }

    static void write(std::vector<unsigned char>& out, const reply& r, std::uint16_t type) {
        std::uint16_t count = 0;
        for (const std::string& text : r.addresses) {
            const bool six = text.find(':') != text.npos;
            if (six != (type == type_aaaa)) continue;
            std::array<unsigned char, 16> bytes{};
            // No assertion: Catch2 takes them on one thread only.
            if (::inet_pton(six ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) != 1) continue;
            ++count;
            const std::size_t length = six ? 16 : 4;
            const unsigned t = type;
            for (const unsigned byte : {0xC0U, 12U, t >> 8, t & 255U, 0U, 1U, r.ttl >> 24, r.ttl >> 16 & 255U,
                                        r.ttl >> 8 & 255U, r.ttl & 255U, 0U, static_cast<unsigned>(length)})
                out.push_back(static_cast<unsigned char>(byte));
            out.insert(out.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        }
        out[2] = 0x81;                                       // an answer; recursion desired ...
        out[3] = static_cast<unsigned char>(0x80 | r.rcode); // ... and available
        out[6] = static_cast<unsigned char>(count >> 8);
        out[7] = static_cast<unsigned char>(count & 255);
        for (const std::size_t i : {4U, 8U, 9U, 10U, 11U})
            out[i] = 0;
        out[5] = 1;
    }

    void send(const packet& p) {
        ::sendto(socket_, p.bytes.data(), p.bytes.size(), 0, reinterpret_cast<const sockaddr*>(&p.to),
                 sizeof(p.to));
    }

    decide decide_;
    int socket_ = -1;
    int wake_ = -1;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, int> asked_;
    bool released_ = false;
    bool stop_ = false;
    std::thread thread_;
};

} // namespace dns_test
