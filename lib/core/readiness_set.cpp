#include "lib/core/readiness_set.hpp"

#include "lib/core/loop.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/epoll.h>
#include <unistd.h>
#endif

namespace tandem::detail {

// ---- waiting ----

void readiness::awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (socket_.ready(what_)) { // see await_ready
        context_.requeue(at);
        return;
    }
    if (const auto failed =
            what_ == direction::write ? socket_.watch_writable() : boost::system::error_code()) {
        result_ = failed;
        context_.requeue(at);
        return;
    }
    context_.suspend(at, this, operation_);
    context_.home().operation_started();
    waiting_ = true;
    awaiter*& first = socket_.waiting_[index(what_)];
    next_ = std::exchange(first, this);
}

void readiness::awaiter::on_cancel(cancel_hook& hook) noexcept {
    auto& self = static_cast<awaiter&>(hook);
    if (!self.waiting_) return; // it was woken, and its task stands in the queue
    awaiter** place = &self.socket_.waiting_[index(self.what_)];
    while (*place != &self)
        place = &(*place)->next_;
    *place = self.next_;
    self.wake(boost::asio::error::operation_aborted);
}

void readiness::awaiter::wake(boost::system::error_code result) noexcept {
    waiting_ = false;
    result_ = result;
    context_.home().operation_finished();
    context_.wake();
}

void readiness::end_waits(direction what, boost::system::error_code result) noexcept {
    awaiter* next = std::exchange(waiting_[index(what)], nullptr);
    while (next) {
        awaiter& woken = *next;
        next = woken.next_;
        woken.wake(result);
    }
}

void readiness::become_ready(direction what) noexcept {
    ready_[index(what)] = true;
    end_waits(what, boost::system::error_code());
}

void readiness::cancel() noexcept {
    if (home_.torn_down()) return; // who waited may be gone already
    end_waits(direction::read, boost::asio::error::operation_aborted);
    end_waits(direction::write, boost::asio::error::operation_aborted);
}

// ---- the set ----

readiness_set::readiness_set(loop& owner, boost::asio::io_context& io, operation_memory& memory)
    : owner_(owner), memory_(memory), watched_(io) {}

class readiness_set::handler {
public:
    using allocator_type = operation_allocator<void>;

    explicit handler(readiness_set& set) noexcept : set_(&set) {}
    allocator_type get_allocator() const noexcept { return allocator_type(set_->memory_); }
    void operator()(const boost::system::error_code& ec) {
        set_->armed_ = false;
        if (ec) return;
        set_->owner_.sockets_report();
        set_->collect();
    }

private:
    readiness_set* set_;
};

void readiness_set::arm() noexcept {
    if (armed_ || !watched_.is_open()) return;
    armed_ = true;
    watched_.async_wait(watched::wait_read, handler(*this));
}

#ifdef __linux__

namespace {

constexpr std::uint32_t always = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET;

boost::system::error_code control(int set, int operation, int fd, std::uint32_t events, void* data) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = data;
    if (epoll_ctl(set, operation, fd, &event) == 0) return {};
    return {errno, boost::system::system_category()};
}

} // namespace

readiness_set* readiness_set::of(scheduler& home) noexcept {
    auto* const l = dynamic_cast<loop*>(&home);
    return l ? &l->sockets() : nullptr;
}

boost::system::error_code readiness_set::open() noexcept {
    const int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return {errno, boost::system::system_category()};
    boost::system::error_code ec;
    try {
        watched_.assign(fd, ec);
    } catch (const std::bad_alloc&) {
        ec = boost::system::error_code(ENOMEM, boost::system::system_category());
    }
    if (ec) ::close(fd);
    return ec;
}

void readiness_set::collect() noexcept {
    // When there are more, the next `arm` ends at once, and others get their turn in between.
    constexpr int most = 128;
    epoll_event events[most];
    const int count = epoll_wait(watched_.native_handle(), events, most, 0);
    for (int i = 0; i < count; ++i)
        static_cast<readiness*>(events[i].data.ptr)->report(events[i].events);
}

boost::system::error_code readiness::add(readiness_set& set, int fd, bool short_reads_tell) noexcept {
    if (!set.watched_.is_open()) {
        if (const auto ec = set.open()) return ec;
    }
    if (const auto ec = control(set.watched_.native_handle(), EPOLL_CTL_ADD, fd, always, this)) return ec;
    set_ = &set;
    fd_ = fd;
    short_reads_tell_ = short_reads_tell;
    return {};
}

void readiness::remove() noexcept {
    if (!set_) return;
    control(set_->watched_.native_handle(), EPOLL_CTL_DEL, fd_, 0, nullptr);
    set_ = nullptr;
}

// Only from the first wait for it: most sockets can be written always, and each report costs.
boost::system::error_code readiness::watch_writable() noexcept {
    if (!set_) return boost::asio::error::bad_descriptor;
    if (watches_writable_) return {};
    const auto ec = control(set_->watched_.native_handle(), EPOLL_CTL_MOD, fd_, always | EPOLLOUT, this);
    watches_writable_ = !ec;
    return ec;
}

void readiness::report(std::uint32_t events) noexcept {
    if (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) short_reads_tell_ = false;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) become_ready(direction::read);
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) become_ready(direction::write);
}

#else // no loop has one

readiness_set* readiness_set::of(scheduler&) noexcept {
    return nullptr;
}
boost::system::error_code readiness_set::open() noexcept {
    return boost::asio::error::operation_not_supported;
}
void readiness_set::collect() noexcept {}
boost::system::error_code readiness::add(readiness_set& set, int, bool) noexcept {
    return set.open();
}
void readiness::remove() noexcept {}
boost::system::error_code readiness::watch_writable() noexcept {
    return boost::asio::error::operation_not_supported;
}
void readiness::report(std::uint32_t) noexcept {}

#endif

} // namespace tandem::detail
