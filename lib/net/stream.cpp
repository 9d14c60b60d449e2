#include "lib/net/stream.hpp"

#include "lib/core/give_way.hpp"
#include "lib/net/descriptor_wait.hpp"
#include "lib/net/tls_context.hpp"
#include "lib/net/tls_session.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>
#include <coroutine>
#include <memory>
#include <string>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tandem::net {

namespace {

boost::system::error_code errno_code() noexcept {
    return {errno, boost::system::system_category()};
}
// io_result takes error codes, not the enumerators of Asio.
boost::system::error_code timed_out() noexcept {
    return boost::asio::error::timed_out;
}
boost::system::error_code would_block() noexcept {
    return boost::asio::error::would_block;
}
boost::system::error_code bad_descriptor() noexcept {
    return boost::asio::error::bad_descriptor;
}

// Beside a reader who keeps pace one call would send anything, and hold the loop as long: this is some tenths
// of a millisecond.
constexpr std::size_t most_sent_at_once = std::size_t{1} << 20;

} // namespace

class stream::impl : private timer_node {
public:
    impl(scheduler& home, int fd) : timer_node(&impl::on_deadline), home_(home), fd_(home.executor()) {
        boost::system::error_code ec;
        fd_.assign(fd, ec);
        if (ec) throw system_error(ec, "registering a socket with its loop");
        fd_.native_non_blocking(true, ec);
        if (ec) {
            fd_.release(); // stream's constructor closes it
            throw system_error(ec, "making a socket non-blocking");
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // fails, harmlessly, for what is not TCP
    }
    ~impl() { home_.disarm(*this); }

    void expires_at(clock::time_point when) noexcept {
        home_.disarm(*this);
        expired_ = false;
        if (when == clock::time_point::max()) return;
        if (when <= home_.now())
            on_deadline(*this);
        else
            home_.arm(*this, when);
    }

    // Ready, or the reason to give up.
    task<boost::system::error_code> wait(descriptor::wait_type what) {
        for (;;) {
            if (!may_start()) co_return stopped();
            const boost::system::error_code ec = co_await wait_for(fd_, what);
            // Closed after it had become ready: the descriptor's number may be another socket's by now.
            if (!fd_.is_open()) co_return boost::asio::error::operation_aborted;
            if (ec != boost::asio::error::operation_aborted || task_context::current()->cancelled())
                co_return ec;
            // The deadline has passed, unless it was moved before this task got to know: then the wait goes
            // on.
            if (expired_) co_return timed_out();
        }
    }

    task<boost::system::error_code> wait(tls_session::need need) {
        return wait(need == tls_session::need::readable ? descriptor::wait_read : descriptor::wait_write);
    }

    task<io_result> read_plain(char* data, std::size_t size) {
        // After a read that filled the buffer there is most likely more: then the wait (a system call) is
        // left out.
        bool try_first = more_likely_ && may_go_on();
        for (;;) {
            if (!try_first) {
                const boost::system::error_code ec = co_await wait(descriptor::wait_read);
                if (ec) co_return io_result(ec);
            }
            try_first = false;
            const ssize_t n = recv(fd_.native_handle(), data, size, 0);
            if (n >= 0) {
                more_likely_ = static_cast<std::size_t>(n) == size;
                co_return io_result(static_cast<std::size_t>(n));
            }
            if (errno != EAGAIN && errno != EINTR) co_return io_result(errno_code());
        }
    }

    task<io_result> read_tls(char* data, std::size_t size) {
        bool try_first = may_start() && tls_->has_pending();
        // What the session holds does not make the socket readable: give way, but do not wait.
        if (try_first && !task_context::current()->spend()) {
            co_await detail::give_way();
            if (!may_start()) co_return io_result(stopped());
        }
        tls_session::need need = tls_session::need::readable;
        for (;;) {
            if (!try_first) {
                const boost::system::error_code ec = co_await wait(need);
                if (ec) co_return io_result(ec);
            }
            try_first = false;
            const tls_session::step step = tls_->read(data, size);
            if (step.wants == tls_session::need::nothing) co_return io_result(step.error, step.bytes);
            need = step.wants;
        }
    }

    task<io_result> write_plain(std::string_view data) {
        std::size_t sent = 0;
        if (!may_start()) co_return io_result(stopped());
        bool may_try = may_go_on();
        while (sent < data.size()) {
            if (!may_try) {
                const boost::system::error_code ec = co_await wait(descriptor::wait_write);
                if (ec) co_return io_result(ec, sent);
            }
            const std::string_view piece = data.substr(sent, most_sent_at_once);
            const ssize_t n = send(fd_.native_handle(), piece.data(), piece.size(), MSG_NOSIGNAL);
            if (n >= 0) {
                sent += static_cast<std::size_t>(n);
            } else if (errno != EAGAIN && errno != EINTR) {
                co_return io_result(errno_code(), sent);
            }
            may_try = false; // the socket's buffer is full, or others should have their turn
        }
        co_return io_result(sent);
    }

    task<io_result> write_tls(std::string_view data) {
        std::size_t sent = 0;
        if (!may_start()) co_return io_result(stopped());
        tls_session::need need = may_go_on() ? tls_session::need::nothing : tls_session::need::writable;
        while (sent < data.size()) {
            if (need != tls_session::need::nothing) {
                const boost::system::error_code ec = co_await wait(need);
                if (ec) co_return io_result(ec, sent);
            }
            const tls_session::step step = tls_->write(data.data() + sent, data.size() - sent);
            if (step.error) co_return io_result(step.error, sent);
            sent += step.bytes;
            need = step.wants;
            if (need == tls_session::need::nothing) {
                if (step.bytes == 0) co_return io_result(make_error_code(tls_errc::truncated), sent);
                if (may_go_on()) continue;
                need = tls_session::need::writable;
            }
        }
        co_return io_result(sent);
    }

    task<boost::system::error_code> handshake() {
        if (!may_start()) co_return stopped();
        for (;;) {
            const tls_session::step step = tls_->handshake();
            if (step.wants == tls_session::need::nothing) {
                co_return step.error;
            }
            const boost::system::error_code ec = co_await wait(step.wants);
            if (ec) co_return ec;
        }
    }

    task<boost::system::error_code> finish() {
        if (!may_start()) co_return stopped();
        while (tls_ && tls_->shutdown() == tls_session::need::writable) {
            const boost::system::error_code ec = co_await wait(descriptor::wait_write);
            if (ec) co_return ec;
        }
        ::shutdown(fd_.native_handle(), SHUT_WR);
        co_return boost::system::error_code();
    }

    scheduler& home_;
    descriptor fd_;
    std::unique_ptr<tls_session> below_; // that with a proxy, when tls_ goes through it
    std::unique_ptr<tls_session> tls_;

private:
    static void on_deadline(timer_node& timer) noexcept {
        auto& self = static_cast<impl&>(timer);
        self.expired_ = true;
        boost::system::error_code ignored;
        self.fd_.cancel(ignored);
    }

    bool may_start() const noexcept {
        return !expired_ && !task_context::current()->cancelled() && fd_.is_open();
    }
    // Whether an operation may complete without waiting: not for ever, and not when it should end.
    bool may_go_on() noexcept { return may_start() && task_context::current()->spend(); }
    boost::system::error_code stopped() const noexcept {
        if (task_context::current()->cancelled()) return boost::asio::error::operation_aborted;
        if (!fd_.is_open()) return boost::asio::error::bad_descriptor;
        return timed_out();
    }

    bool expired_ = false;
    bool more_likely_ = false;
};

stream::stream() noexcept = default;
stream::stream(scheduler& home, int fd) {
    try {
        impl_ = std::make_unique<impl>(home, fd);
    } catch (...) {
        ::close(fd); // it was ours from the call on
        throw;
    }
}
stream::stream(stream&&) noexcept = default;
stream& stream::operator=(stream&&) noexcept = default;
stream::~stream() = default;

bool stream::is_open() const noexcept {
    return impl_ && impl_->fd_.is_open();
}
int stream::native_handle() const noexcept {
    return is_open() ? const_cast<descriptor&>(impl_->fd_).native_handle() : -1;
}
void stream::expires_at(clock::time_point when) noexcept {
    impl_->expires_at(when);
}

task<io_result> stream::read_some(char* data, std::size_t size) {
    return impl_->tls_ ? impl_->read_tls(data, size) : impl_->read_plain(data, size);
}

task<io_result> stream::write(std::string_view data) {
    return impl_->tls_ ? impl_->write_tls(data) : impl_->write_plain(data);
}

io_result stream::try_read(char* data, std::size_t size) {
    if (!is_open()) return io_result(bad_descriptor());
    if (impl_->tls_) {
        const tls_session::step step = impl_->tls_->read(data, size);
        if (step.wants != tls_session::need::nothing) return io_result(would_block());
        return io_result(step.error, step.bytes);
    }
    const ssize_t n = recv(impl_->fd_.native_handle(), data, size, 0);
    if (n >= 0) return io_result(static_cast<std::size_t>(n));
    if (errno == EAGAIN || errno == EINTR) return io_result(would_block());
    return io_result(errno_code());
}

io_result stream::try_write(std::string_view data) {
    if (!is_open()) return io_result(bad_descriptor());
    if (!impl_->tls_) {
        const ssize_t n = send(impl_->fd_.native_handle(), data.data(), data.size(), MSG_NOSIGNAL);
        if (n >= 0) return io_result(static_cast<std::size_t>(n));
        if (errno == EAGAIN || errno == EINTR) return io_result(would_block());
        return io_result(errno_code());
    }
    std::size_t sent = 0;
    while (sent < data.size()) {
        const tls_session::step step = impl_->tls_->write(data.data() + sent, data.size() - sent);
        if (step.error) return io_result(step.error, sent);
        if (step.wants != tls_session::need::nothing || step.bytes == 0)
            return sent > 0 ? io_result(sent) : io_result(would_block());
        sent += step.bytes;
    }
    return io_result(sent);
}

task<boost::system::error_code> stream::wait_readable() {
    impl& self = *impl_;
    if (self.tls_ && self.fd_.is_open() && self.tls_->has_pending() && self.tls_->has_input())
        co_return boost::system::error_code();
    for (;;) {
        const boost::system::error_code ec = co_await self.wait(descriptor::wait_read);
        // Not everything that arrives is something to read: session tickets, a piece of a record.
        if (ec || !self.tls_ || self.tls_->has_input()) co_return ec;
    }
}

bool stream::has_input() noexcept {
    if (!is_open()) return true;
    if (impl_->tls_) return impl_->tls_->has_input();
    char byte = 0;
    const ssize_t n = recv(impl_->fd_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

task<boost::system::error_code> stream::handshake_client(tls_context& context, std::string host,
                                                         std::uint16_t port) {
    impl& self = *impl_;
    if (self.tls_) {
        self.below_ = std::move(self.tls_);
        self.tls_ = std::make_unique<tls_session>(context, *self.below_, host, port);
    } else {
        self.tls_ = std::make_unique<tls_session>(context, self.fd_.native_handle(), host, port);
    }
    return self.handshake();
}

task<boost::system::error_code> stream::handshake_server(tls_context& context) {
    impl_->tls_ = std::make_unique<tls_session>(context, impl_->fd_.native_handle());
    return impl_->handshake();
}

bool stream::is_tls() const noexcept {
    return impl_ && impl_->tls_;
}

bool stream::tls_offered() const noexcept {
    return is_tls() && impl_->tls_->offered();
}

bool stream::tls_resumed() const noexcept {
    return is_tls() && impl_->tls_->resumed();
}

std::string_view stream::alpn() const noexcept {
    return is_tls() ? impl_->tls_->alpn() : std::string_view();
}

const std::string& stream::tls_failure() const noexcept {
    static const std::string none;
    return is_tls() ? impl_->tls_->failure() : none;
}

void stream::shutdown() noexcept {
    if (!is_open()) return;
    if (impl_->tls_) impl_->tls_->shutdown();
    ::shutdown(impl_->fd_.native_handle(), SHUT_WR);
}

task<boost::system::error_code> stream::finish() {
    return impl_->finish();
}

void stream::close() noexcept {
    if (!impl_) return;
    boost::system::error_code ignored;
    impl_->fd_.close(ignored);
}

} // namespace tandem::net
