#include "lib/net/listener.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/runtime.hpp>

#include "tests/support/catch.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace tandem;
using namespace std::chrono_literals;

namespace {

// A descriptor that is closed.
class owned_fd {
public:
    explicit owned_fd(int fd) noexcept : fd_(fd) {}
    owned_fd(owned_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~owned_fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }

private:
    int fd_;
};

// The connection is complete before it is accepted: the backlog holds it.
owned_fd connect_to(std::uint16_t port) {
    owned_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0);
    return fd;
}

std::string failure_of(const std::string& address, std::uint16_t port) {
    try {
        net::listening_socket socket(address, port);
    } catch (const system_error& e) {
        return e.what();
    }
    return std::string();
}

} // namespace

TEST_CASE("a listening socket picks a port, and says what it could not do", "[net][listener]") {
    net::listening_socket socket("127.0.0.1", 0);
    CHECK(socket.port() != 0);
    CHECK(socket.name() == "127.0.0.1:" + std::to_string(socket.port()));
    CHECK(failure_of("127.0.0.1", socket.port())
              .find("bind 127.0.0.1:" + std::to_string(socket.port()) + ": Address already in use") == 0);
    CHECK(failure_of("localhost", 0).find("listen on \"localhost\": not an IP address") == 0);
    CHECK_FALSE(failure_of("", 0).empty());
    CHECK_FALSE(failure_of("203.0.113.1", 0).empty()); // not an address of this machine

    // A port is free again at once.
    const std::uint16_t port = socket.port();
    socket = net::listening_socket();
    {
        net::listening_socket gone(std::move(socket));
    }
    CHECK(failure_of("127.0.0.1", port).empty());
}

TEST_CASE("accepts connections and knows who they are", "[net][listener]") {
    runtime loop(runtime_options().workers(1));
    for (const std::string address : {"127.0.0.1", "::"}) {
        if (address == "::" && !failure_of("::", 0).empty()) continue; // no IPv6 here
        net::listener incoming(loop.loop(0), address);
        std::vector<owned_fd> clients;
        for (int i = 0; i < 3; ++i)
            clients.push_back(connect_to(incoming.port()));
        for (const owned_fd& client : clients) {
            sockaddr_in own{};
            socklen_t size = sizeof(own);
            getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size);
            net::accepted peer = loop.run(incoming.accept());
            CHECK(peer.connection.is_open());
            CHECK(peer.peer_address == "127.0.0.1");
            CHECK(peer.peer_port == ntohs(own.sin_port));
        }
    }
}

TEST_CASE("accept waits for a peer", "[net][listener]") {
    runtime loop(runtime_options().workers(1));
    net::listener incoming(loop.loop(0), "127.0.0.1");
    std::optional<owned_fd> client;
    const auto connect_later = [&]() -> task<> {
        co_await sleep_for(1ms);
        client.emplace(connect_to(incoming.port()));
    };
    const bool open = loop.run([&]() -> task<bool> {
        auto both = co_await when_all(incoming.accept(), connect_later());
        co_return std::get<0>(both).connection.is_open();
    });
    CHECK(open);
}

TEST_CASE("cancellation and closing end accept at once", "[net][listener]") {
    runtime loop(runtime_options().workers(1));
    net::listener incoming(loop.loop(0), "127.0.0.1");
    bool cancelled = false;
    bool closed = false;
    const auto accept_until_cancelled = [&]() -> task<> {
        try {
            co_await incoming.accept();
        } catch (const operation_cancelled&) {
            cancelled = true;
        }
    };
    const auto accept_until_closed = [&]() -> task<> {
        try {
            co_await incoming.accept();
        } catch (const operation_cancelled&) {
        } catch (const system_error&) {
            closed = true;
        }
    };
    loop.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(accept_until_cancelled);
            co_await yield();
            co_await yield();
            group.cancel();
        });
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(accept_until_closed);
            co_await yield();
            co_await yield();
            incoming.close();
        });
    });
    CHECK(cancelled);
    CHECK(closed);
}

TEST_CASE("out of descriptors: accept pauses, says so once, and goes on", "[net][listener]") {
    runtime loop(runtime_options().workers(1));
    net::listener incoming(loop.loop(0), "127.0.0.1");
    const owned_fd client = connect_to(incoming.port());
    loop.run([]() -> task<> { co_await sleep_for(1ms); }); // the loop has all the descriptors that it needs

    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit few = before;
    few.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);
    setrlimit(RLIMIT_NOFILE, &few);
    std::vector<owned_fd> filler;
    for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
        filler.emplace_back(fd);
    const bool exhausted = errno == EMFILE;

    int told = 0;
    std::string what;
    incoming.on_shortage([&](std::string_view line) {
        ++told;
        what = line;
    });
    const auto free_some = [&]() -> task<> {
        co_await sleep_for(250ms);
        filler.clear();
    };
    const auto begun = std::chrono::steady_clock::now();
    rusage used_before{};
    getrusage(RUSAGE_THREAD, &used_before);
    const bool open = loop.run([&]() -> task<bool> {
        auto both = co_await when_all(incoming.accept(), free_some());
        co_return std::get<0>(both).connection.is_open();
    });
    rusage used{};
    getrusage(RUSAGE_THREAD, &used);
    const auto took = std::chrono::steady_clock::now() - begun;
    filler.clear();
    setrlimit(RLIMIT_NOFILE, &before);

    CHECK(exhausted);
    CHECK(open);
    CHECK(took >= 250ms);
    CHECK(told == 1);
    CHECK(what.find("accept on 127.0.0.1:") == 0);
    CHECK(what.find("Too many open files") != std::string::npos);
    // It did not spin: a spinning loop switches away only when it is forced to.
    CHECK(used.ru_nvcsw > used_before.ru_nvcsw);
    const auto cpu = [](const rusage& u) {
        return std::chrono::seconds(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               std::chrono::microseconds(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    };
    CHECK(cpu(used) - cpu(used_before) < 100ms);
}
