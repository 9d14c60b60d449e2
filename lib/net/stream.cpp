#include "lib/net/stream.hpp"

#include "lib/core/give_way.hpp"
#include "lib/core/readiness_set.hpp"
#include "lib/net/descriptor_wait.hpp"
#include "lib/net/tls_context.hpp"
#include "lib/net/tls_session.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tandem::net {

namespace {

using detail::direction;
using detail::maybe_task;
using detail::readiness_set;

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
// Of a call that has failed.
boost::system::error_code call_error() noexcept {
    return errno == EAGAIN || errno == EINTR ? would_block() : errno_code();
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
    // Throws before it has taken over `fd`.
    impl(scheduler& home, int fd) : timer_node(&impl::on_deadline), home_(home), known_(home) {
        int on = 1;
        if (ioctl(fd, FIONBIO, &on) != 0) throw system_error(errno_code(), "making a socket non-blocking");
        // Fails, harmlessly, for what is not TCP.
        const bool tcp = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
        boost::system::error_code ec;
        if (readiness_set* const set = readiness_set::of(home))
            ec = known_.add(*set, fd, tcp);
        else
            asio_.emplace(home.executor()).assign(fd, ec);
        if (ec) throw system_error(ec, "registering a socket with its loop");
        fd_ = fd;
    }
    ~impl() {
        home_.disarm(*this);
        close();
    }

    bool is_open() const noexcept { return fd_ >= 0; }

    void close() noexcept {
        if (!is_open()) return;
        const int fd = std::exchange(fd_, -1);
        cancel();
        if (asio_) {
            boost::system::error_code ignored;
            asio_->close(ignored);
        } else {
            known_.remove();
            ::close(fd);
        }
    }

    void expires_at(clock::time_point when, clock::time_point now) noexcept {
        home_.disarm(*this);
        expired_ = false;
        if (when == clock::time_point::max()) return;
        if (when <= now)
            on_deadline(*this);
        else
            home_.arm(*this, when);
    }

    // Ready, or the reason to give up.
    task<boost::system::error_code> wait(direction what) {
        for (;;) {
            if (!may_start()) co_return stopped();
            boost::system::error_code ec;
            if (!asio_)
                ec = co_await known_.wait(what, "socket");
            else
                ec = co_await wait_for(*asio_, what == direction::read ? descriptor::wait_read
                                                                       : descriptor::wait_write);
            if (const auto over = outcome(ec)) co_return *over;
        }
    }

    // What a wait came to; nothing: it goes on.
    std::optional<boost::system::error_code> outcome(boost::system::error_code ec) const noexcept {
        // Closed after it had become ready: the descriptor's number may be another socket's by now.
        if (!is_open()) return boost::asio::error::operation_aborted;
        if (ec != boost::asio::error::operation_aborted || task_context::current()->cancelled()) return ec;
        // The deadline has passed, unless it was moved before this task got to know.
        if (expired_) return timed_out();
        return std::nullopt;
    }

    task<boost::system::error_code> wait(tls_session::need need) {
        if (need == tls_session::need::readable && tls_->at_bound()) return let_others_run();
        return wait(need == tls_session::need::readable ? direction::read : direction::write);
    }

    // Instead of a wait for what the session has received already.
    task<boost::system::error_code> let_others_run() {
        co_await detail::give_way();
        if (!may_start()) co_return stopped();
        co_return boost::system::error_code();
    }

    // Without waiting: would_block.
    io_result receive(char* data, std::size_t size) noexcept {
        const ssize_t n = recv(fd_, data, size, 0);
        known_.received(n, size);
        if (n < 0) return io_result(call_error());
        more_likely_ = static_cast<std::size_t>(n) == size;
        return io_result(static_cast<std::size_t>(n));
    }
    io_result transmit(std::string_view data) noexcept {
        const ssize_t n = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
        known_.sent(n);
        return n < 0 ? io_result(call_error()) : io_result(static_cast<std::size_t>(n));
    }
    // Whether there is something to read: data, the end or an error.
    bool peek() noexcept {
        char byte = 0;
        const ssize_t n = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        known_.received(n, 0);
        return n >= 0 || call_error() != would_block();
    }

    void begin_tls(std::unique_ptr<tls_session> session) noexcept {
        session->tell(known_);
        tls_ = std::move(session);
    }

    maybe_task<io_result> read_plain(char* data, std::size_t size) {
        // After a read that filled the buffer there is most likely more: then the wait (with Asio a system
        // call) is left out.
        if ((more_likely_ || known_.ready(direction::read)) && may_go_on()) {
            const io_result got = receive(data, size);
            if (got.error != would_block()) return got;
        }
        return wait_and_read(data, size);
    }
    task<io_result> wait_and_read(char* data, std::size_t size) {
        for (;;) { // `wait` without its coroutine: most reads wait
            if (!may_start()) co_return io_result(stopped());
            boost::system::error_code ec;
            if (!asio_)
                ec = co_await known_.wait(direction::read, "socket");
            else
                ec = co_await wait_for(*asio_, descriptor::wait_read);
            const auto over = outcome(ec);
            if (!over) continue;
            if (*over) co_return io_result(*over);
            const io_result got = receive(data, size);
            if (got.error != would_block()) co_return got;
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

    maybe_task<io_result> write_plain(std::string_view data) {
        if (!may_start()) return io_result(stopped());
        if (data.empty()) return io_result(std::size_t{0});
        std::size_t sent = 0;
        if (may_go_on()) {
            const io_result put = transmit(data.substr(0, most_sent_at_once));
            if (put.error && put.error != would_block()) return put;
            if (put.bytes == data.size()) return put;
            sent = put.bytes;
        }
        return wait_and_write(data, sent); // the socket's buffer is full, or others should have their turn
    }
    task<io_result> wait_and_write(std::string_view data, std::size_t sent) {
        while (sent < data.size()) {
            const boost::system::error_code ec = co_await wait(direction::write);
            if (ec) co_return io_result(ec, sent);
            const io_result put = transmit(data.substr(sent, most_sent_at_once));
            if (put.error && put.error != would_block()) co_return io_result(put.error, sent);
            sent += put.bytes;
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
            const boost::system::error_code ec = co_await wait(direction::write);
            if (ec) co_return ec;
        }
        ::shutdown(fd_, SHUT_WR);
        co_return boost::system::error_code();
    }

    scheduler& home_;
    int fd_ = -1;
    detail::readiness known_;
    std::optional<descriptor> asio_;     // owns fd_, where the loop has no set for known_
    std::unique_ptr<tls_session> below_; // that with a proxy, when tls_ goes through it
    std::unique_ptr<tls_session> tls_;

private:
    static void on_deadline(timer_node& timer) noexcept {
        auto& self = static_cast<impl&>(timer);
        self.expired_ = true;
        self.cancel();
    }
    // Operations in progress end with operation_aborted.
    void cancel() noexcept {
        boost::system::error_code ignored;
        if (asio_)
            asio_->cancel(ignored);
        else
            known_.cancel();
    }

    bool may_start() const noexcept {
        return !expired_ && !task_context::current()->cancelled() && is_open();
    }
    // Whether an operation may complete without waiting: not for ever, and not when it should end.
    bool may_go_on() noexcept { return may_start() && task_context::current()->spend(); }
    boost::system::error_code stopped() const noexcept {
        if (task_context::current()->cancelled()) return boost::asio::error::operation_aborted;
        if (!is_open()) return boost::asio::error::bad_descriptor;
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
    return impl_ && impl_->is_open();
}
int stream::native_handle() const noexcept {
    return impl_ ? impl_->fd_ : -1;
}
void stream::expires_at(clock::time_point when) noexcept {
    impl_->expires_at(when, when == clock::time_point::max() ? when : impl_->home_.now());
}
void stream::expires_at(clock::time_point when, clock::time_point now) noexcept {
    impl_->expires_at(when, now);
}

maybe_task<io_result> stream::read_some(char* data, std::size_t size) {
    if (impl_->tls_) return impl_->read_tls(data, size);
    return impl_->read_plain(data, size);
}

maybe_task<io_result> stream::write(std::string_view data) {
    if (impl_->tls_) return impl_->write_tls(data);
    return impl_->write_plain(data);
}

io_result stream::try_read(char* data, std::size_t size) {
    if (!is_open()) return io_result(bad_descriptor());
    if (impl_->tls_) {
        const tls_session::step step = impl_->tls_->read(data, size);
        if (step.wants != tls_session::need::nothing) return io_result(would_block());
        return io_result(step.error, step.bytes);
    }
    return impl_->receive(data, size);
}

io_result stream::try_write(std::string_view data) {
    if (!is_open()) return io_result(bad_descriptor());
    if (!impl_->tls_) return impl_->transmit(data);
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

task<boost::system::error_code> stream::wait_connected() {
    impl_->known_.used_up(direction::write);
    return impl_->wait(direction::write);
}

task<boost::system::error_code> stream::wait_readable() {
    impl& self = *impl_;
    if (self.tls_ && self.is_open() && self.tls_->has_pending() && self.tls_->has_input())
        co_return boost::system::error_code();
    for (;;) {
        const boost::system::error_code ec = co_await self.wait(direction::read);
        // Not everything that arrives is something to read: session tickets, a piece of a record. And what
        // the loop knows of may have been read since.
        if (ec || has_input()) co_return ec;
    }
}

bool stream::has_input() noexcept {
    if (!is_open()) return true;
    return impl_->tls_ ? impl_->tls_->has_input() : impl_->peek();
}

bool stream::was_quiet() const noexcept {
    return is_open() && impl_->known_.registered() && !impl_->known_.ready(direction::read) &&
           (!impl_->tls_ || !impl_->tls_->has_pending());
}

task<boost::system::error_code> stream::handshake_client(tls_context& context, std::string host,
                                                         std::uint16_t port) {
    impl& self = *impl_;
    if (self.tls_) {
        self.below_ = std::move(self.tls_);
        self.tls_ = std::make_unique<tls_session>(context, *self.below_, host, port);
    } else {
        self.begin_tls(std::make_unique<tls_session>(context, self.fd_, host, port));
    }
    return self.handshake();
}

task<boost::system::error_code> stream::handshake_server(tls_context& context) {
    impl_->begin_tls(std::make_unique<tls_session>(context, impl_->fd_));
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
    ::shutdown(impl_->fd_, SHUT_WR);
}

task<boost::system::error_code> stream::finish() {
    return impl_->finish();
}

void stream::close() noexcept {
    if (impl_) impl_->close();
}

} // namespace tandem::net
