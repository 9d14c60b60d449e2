// A server of somebody else's, started as a child process for a test on a free port of the loopback.
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace real {

/// The first of these files that can be run; empty when there is none.
inline std::string program(const std::vector<std::string>& candidates) {
    for (const std::string& one : candidates)
        if (access(one.c_str(), X_OK) == 0) return one;
    return std::string();
}

inline std::uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    close(fd);
    if (!bound) throw std::runtime_error("no free port for a test");
    return ntohs(address.sin_port);
}

class process {
public:
    // Its output goes to /dev/null. `environment`: "NAME=value", added to ours.
    process(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
        std::vector<char*> arguments;
        for (const std::string& one : command)
            arguments.push_back(const_cast<char*>(one.c_str()));
        arguments.push_back(nullptr);
        pid_ = fork();
        if (pid_ < 0) throw std::runtime_error("no process for a test");
        if (pid_ != 0) return;
        // The child: nothing but what is safe between fork and exec of a program with threads, and putenv.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (const int fd : {0, 1, 2})
            dup2(null, fd);
        for (const std::string& one : environment)
            putenv(const_cast<char*>(one.c_str()));
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    process(const process&) = delete;
    process& operator=(const process&) = delete;
    ~process() {
        if (!ended()) {
            kill(pid_, SIGTERM);
            waitpid(pid_, nullptr, 0);
        }
    }
    bool ended() noexcept {
        if (!gone_ && waitpid(pid_, nullptr, WNOHANG) == pid_) gone_ = true;
        return gone_;
    }

private:
    pid_t pid_ = -1;
    bool gone_ = false;
};

inline bool accepts(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    return connected;
}

class server {
public:
    using commands = std::function<std::vector<std::string>(std::uint16_t port, std::uint16_t tls_port)>;

    /// Waits until it accepts connections. Another program may have taken a port in the meantime: then with
    /// other ports, once. Throws std::runtime_error when it does not start within 30 s.
    explicit server(const commands& command, const std::vector<std::string>& environment = {}) {
        for (int tries = 0; tries < 2; ++tries) {
            port_ = free_port();
            tls_port_ = free_port();
            process_ = std::make_unique<process>(command(port_, tls_port_), environment);
            const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
            while (!process_->ended() && std::chrono::steady_clock::now() < end) {
                if (accepts(port_)) return;
                poll(nullptr, 0, 5); // nothing tells when it is ready
            }
        }
        throw std::runtime_error("a server for a test did not start");
    }

    std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    std::string tls_url(const std::string& path) const {
        return "https://localhost:" + std::to_string(tls_port_) + path;
    }

private:
    std::uint16_t port_ = 0;
    std::uint16_t tls_port_ = 0;
    std::unique_ptr<process> process_;
};

} // namespace real
