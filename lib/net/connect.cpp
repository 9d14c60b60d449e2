#include "lib/net/connect.hpp"

#include "lib/net/descriptor_wait.hpp"
#include "lib/net/resolver.hpp"
#include "lib/net/socket_setup.hpp"

#include <tandem/concurrency/task_group.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstring>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tandem::net {

namespace {

using boost::system::error_code;
using time_point = std::chrono::steady_clock::time_point;

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "tandem.connect"; }
    std::string message(int) const override { return "the address guard refuses the address"; }
};

error_code code_of(int number) noexcept {
    return error_code(number, boost::system::system_category());
}

// An address and a port as the kernel wants them.
class endpoint {
public:
    endpoint(const ip_address& address, std::uint16_t port) noexcept {
        if (address.is_v4()) {
            sockaddr_in four{};
            four.sin_family = AF_INET;
            four.sin_port = htons(port);
            four.sin_addr.s_addr = htonl(address.to_v4().to_uint());
            set(four);
        } else {
            sockaddr_in6 six{};
            six.sin6_family = AF_INET6;
            six.sin6_port = htons(port);
            const auto bytes = address.to_v6().to_bytes();
            std::memcpy(&six.sin6_addr, bytes.data(), bytes.size());
            set(six);
        }
    }
    int family() const noexcept { return storage_.ss_family; }
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t size() const noexcept { return size_; }

private:
    template <class SocketAddress>
    void set(const SocketAddress& address) noexcept {
        std::memcpy(&storage_, &address, sizeof(address));
        size_ = sizeof(address);
    }
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

// A socket until a stream takes it over.
class owned_socket {
public:
    explicit owned_socket(int fd) noexcept : fd_(fd) {}
    owned_socket(const owned_socket&) = delete;
    owned_socket& operator=(const owned_socket&) = delete;
    ~owned_socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

// Waits for a socket that Asio does not own, with a deadline.
class connect_wait : private timer_node {
public:
    explicit connect_wait(scheduler& home)
        : timer_node(&connect_wait::on_deadline), home_(home), fd_(home.executor()) {}
    ~connect_wait() {
        home_.disarm(*this);
        if (fd_.is_open()) fd_.release();
    }

    task<error_code> writable(int fd, time_point deadline) {
        error_code ec;
        fd_.assign(fd, ec);
        if (ec) co_return ec;
        if (deadline != time_point::max()) home_.arm(*this, deadline);
        ec = co_await wait_for(fd_, descriptor::wait_write);
        fd_.release();
        if (ec && expired_ && !task_context::current()->cancelled()) ec = boost::asio::error::timed_out;
        co_return ec;
    }

private:
    static void on_deadline(timer_node& timer) noexcept {
        auto& self = static_cast<connect_wait&>(timer);
        self.expired_ = true;
        error_code ignored;
        self.fd_.cancel(ignored);
    }

    scheduler& home_;
    descriptor fd_;
    bool expired_ = false;
};

// A connection to a port of this machine that nobody listens on may meet itself (a simultaneous open, RFC
// 9293, section 3.5), when the kernel happens to give it that very port.
bool met_itself(int fd, const ip_address& address) noexcept {
    if (!address.is_loopback()) return false;
    sockaddr_storage local{};
    sockaddr_storage remote{};
    socklen_t local_size = sizeof(local);
    socklen_t remote_size = sizeof(remote);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) != 0) return false;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&remote), &remote_size) != 0) return false;
    return local_size == remote_size && std::memcmp(&local, &remote, local_size) == 0;
}

ip_network::bytes bytes_of(const ip_address& address) noexcept {
    if (address.is_v6()) return address.to_v6().to_bytes();
    return boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, address.to_v4()).to_bytes();
}

// How an attempt, or a part of it, ended.
class attempt_result {
public:
    attempt_result() noexcept {}
    attempt_result(const error_code& ec) noexcept : error(ec) {}
    attempt_result(const error_code& ec, std::string_view why) noexcept : error(ec), detail(why) {}
    error_code error;
    std::string_view detail; // static; more than the error says
};

// One attempt. Sets `connection` when there was no error.
task<attempt_result> attempt(ip_address address, std::uint16_t port, time_point deadline,
                             const connect_options& options, stream& connection) {
    task_context& context = *task_context::current();
    scheduler& home = context.home();
    if (context.cancelled()) co_return boost::asio::error::operation_aborted;
    if (deadline <= home.now()) co_return boost::asio::error::timed_out;

    // Here and nowhere else, so that no address gets past it.
    if (options.guard()) {
        const std::string_view why = options.guard()->refusal(bytes_of(address));
        if (!why.empty()) co_return attempt_result(connect_errc::address_refused, why);
    }
    const endpoint peer(address, port);
    owned_socket fd(::socket(peer.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) co_return code_of(errno);
    if (options.socket()) {
        const setup_result ready = set_up(fd.get(), peer.family(), *options.socket());
        if (ready.error) co_return attempt_result(ready.error, ready.option);
    }
    if (::connect(fd.get(), peer.data(), peer.size()) != 0) {
        if (errno != EINPROGRESS && errno != EINTR) co_return code_of(errno);
        // A connection to this machine is mostly there at once; only others are registered with the reactor.
        connect_wait wait(home);
        const error_code waited = co_await wait.writable(fd.get(), deadline);
        if (waited) co_return waited;
        int failure = 0;
        socklen_t size = sizeof(failure);
        if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) co_return code_of(errno);
        if (failure != 0) co_return code_of(failure);
    }
    if (context.cancelled()) co_return boost::asio::error::operation_aborted;
    if (met_itself(fd.get(), address)) co_return code_of(ECONNREFUSED);
    try {
        connection = stream(home, fd.release());
    } catch (const system_error& refused) {
        co_return refused.code();
    }
    if (options.socket() && !options.socket()->no_delay()) {
        const int off = 0; // the stream has turned it on
        setsockopt(connection.native_handle(), IPPROTO_TCP, TCP_NODELAY, &off, sizeof(off));
    }
    co_return attempt_result();
}

std::string failure_text(const ip_address& address, std::uint16_t port, const attempt_result& failed) {
    std::string text = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    text += ":" + std::to_string(port) + ": ";
    if (failed.error == connect_errc::address_refused)
        return text + std::string(failed.detail) + " (client_options::address_guard)";
    if (!failed.detail.empty()) text += std::string(failed.detail) + ": ";
    return text + failed.error.message();
}

// The attempts that run side by side.
class race {
public:
    stream winner;
    bool won = false;
    attempt_result last_error;
    std::size_t last_failed = 0; // its address
    std::size_t failed = 0;
    bool news = false; // an attempt has ended since the starter looked
    task_context* starter = nullptr;
};

// The starter's pause: until an attempt has ended or the next one is due.
class race_pause : private timer_node, private cancel_hook {
public:
    race_pause(race& r, time_point until, task_context& context) noexcept
        : timer_node(&race_pause::on_time), cancel_hook(&race_pause::on_cancel), race_(r), until_(until),
          context_(context) {}
    ~race_pause() { context_.home().disarm(*this); }

    bool await_ready() const noexcept { return race_.news || context_.cancelled(); }
    void await_suspend(std::coroutine_handle<> at) noexcept {
        context_.suspend(at, this, "connect");
        race_.starter = &context_;
        if (until_ != time_point::max()) context_.home().arm(*this, until_);
    }
    void await_resume() noexcept { race_.news = false; }

    static void end(race& r) noexcept {
        r.news = true;
        if (task_context* const starter = std::exchange(r.starter, nullptr)) starter->wake();
    }

private:
    static void on_time(timer_node& timer) noexcept { static_cast<race_pause&>(timer).wake(); }
    static void on_cancel(cancel_hook& hook) noexcept { static_cast<race_pause&>(hook).wake(); }
    void wake() noexcept {
        if (std::exchange(race_.starter, nullptr)) context_.wake();
    }

    race& race_;
    time_point until_;
    task_context& context_;
};

class race_pause_operation {
public:
    race_pause_operation(race& r, time_point until) noexcept : race_(r), until_(until) {}
    race_pause await_in(task_context& context) const noexcept { return race_pause(race_, until_, context); }

private:
    race& race_;
    time_point until_;
};

task<> run_attempt(race& r, std::size_t index, ip_address address, std::uint16_t port, time_point deadline,
                   const connect_options& options) {
    stream connection;
    const attempt_result ended = co_await attempt(std::move(address), port, deadline, options, connection);
    if (ended.error) {
        r.last_error = ended;
        r.last_failed = index;
        ++r.failed;
    } else if (!r.won) { // who comes second is closed
        r.won = true;
        r.winner = std::move(connection);
    }
    race_pause::end(r);
}

task<connect_result> connect_one(ip_address address, std::uint16_t port, time_point deadline,
                                 const connect_options& options) {
    connect_result result;
    const attempt_result ended = co_await attempt(address, port, deadline, options, result.connection);
    result.error = ended.error;
    if (ended.error) result.detail = failure_text(address, port, ended);
    co_return result;
}

task<connect_result> connect_first(std::vector<ip_address> addresses, std::uint16_t port, time_point deadline,
                                   const connect_options& options) {
    const std::chrono::milliseconds delay = options.attempt_delay();
    task_context& context = *task_context::current();
    if (deadline <= context.home().now()) {
        connect_result late;
        late.error = boost::asio::error::timed_out;
        late.detail = "no time was left for connecting";
        co_return late;
    }
    race r;
    task_group attempts;
    std::size_t begun = 0;
    while (!r.won && r.failed < addresses.size() && !context.cancelled()) {
        auto next = time_point::max();
        const auto now = context.home().now();
        if (begun < addresses.size() && now < deadline) {
            attempts.spawn(run_attempt(r, begun, addresses[begun], port, deadline, options));
            ++begun;
            if (begun < addresses.size()) next = std::min(deadline, now + delay);
        } else if (r.failed == begun) {
            break; // the time is up, and nothing is left running
        }
        const race_pause_operation pause(r, next);
        co_await pause;
    }
    attempts.cancel();
    co_await attempts.wait();

    connect_result result;
    if (context.cancelled()) {
        result.error = boost::asio::error::operation_aborted;
        result.detail = "connecting was cancelled";
    } else if (r.won) {
        result.connection = std::move(r.winner);
    } else if (begun == 0) { // the time was up meanwhile
        result.error = boost::asio::error::timed_out;
        result.detail = "no time was left for connecting";
    } else {
        result.error = r.last_error.error;
        result.detail = std::to_string(begun) + " addresses tried, last: " +
                        failure_text(addresses[r.last_failed], port, r.last_error);
    }
    co_return result;
}

connect_result resolve_failure(const error_code& error, std::string detail) {
    connect_result result;
    result.phase = connect_phase::resolve;
    result.error = error;
    result.detail = std::move(detail);
    return result;
}

} // namespace

const boost::system::error_category& connect_category() noexcept {
    static const category instance;
    return instance;
}

error_code make_error_code(connect_errc e) noexcept {
    return error_code(static_cast<int>(e), connect_category());
}

task<connect_result> connect(std::vector<ip_address> addresses, std::uint16_t port, time_point deadline,
                             connect_options options) {
    if (addresses.empty()) co_return resolve_failure(boost::asio::error::no_data, "the host has no address");
    if (addresses.size() == 1)
        co_return co_await connect_one(std::move(addresses.front()), port, deadline, options);
    if (addresses.size() > most_addresses) addresses.resize(most_addresses);
    co_return co_await connect_first(std::move(addresses), port, deadline, options);
}

task<connect_result> connect(std::string host, std::uint16_t port, time_point deadline,
                             connect_options options) {
    resolver& names = options.names() ? *options.names() : resolver_of(task_context::current()->home());
    resolve_result found = co_await names.resolve(std::move(host), deadline);
    if (found.error) co_return resolve_failure(found.error, std::move(found.detail));
    co_return co_await connect(std::move(found.addresses), port, deadline, options);
}

} // namespace tandem::net
