#include "lib/system/process_pipe.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/error.hpp>

#include <cerrno>
#include <csignal>
#include <ctime>

#include <unistd.h>

namespace tandem::detail {

namespace {

// Throws for a cancelled task, and lets others run when this one has had its share: a pipe that is always
// ready must not hold the loop.
class take_turn {
public:
    class awaiter {
    public:
        explicit awaiter(task_context& context) noexcept : context_(context) {}
        bool await_ready() const noexcept { return context_.spend(); }
        void await_suspend(std::coroutine_handle<> at) noexcept { context_.requeue(at); }
        void await_resume() const {
            if (context_.cancelled()) throw operation_cancelled("a pipe to a process was waited for");
        }

    private:
        task_context& context_;
    };
    take_turn() noexcept {}
    awaiter await_in(task_context& context) const noexcept { return awaiter(context); }
};

// write(2) without the SIGPIPE that a pipe, other than a socket, raises in the calling thread: it is blocked
// meanwhile, and taken away when this call raised it.
ssize_t write_quietly(int fd, const char* data, std::size_t size) noexcept {
    sigset_t broken_pipe;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    sigpending(&pending);
    const ssize_t n = ::write(fd, data, size);
    const int error = n < 0 ? errno : 0;
    if (error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
        const std::timespec at_once{};
        while (sigtimedwait(&broken_pipe, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return n;
}

} // namespace

process_pipe::process_pipe(scheduler& home, unique_fd fd, std::string name)
    : fd_(home.executor()), name_(std::move(name)) {
    boost::system::error_code ec;
    fd_.assign(fd.get(), ec);
    if (ec) throw system_error(ec, "registering a pipe with its loop");
    fd.release();
}

void process_pipe::fail(int code, const char* doing) const {
    throw system_error(error_code(code, boost::system::system_category()), doing + name_);
}

task<> process_pipe::wait(descriptor::wait_type what, const char* operation) {
    const boost::system::error_code ec = co_await wait_for(fd_, what, operation);
    if (!fd_.is_open()) fail(EBADF, "closed: ");
    if (ec && task_context::current()->cancelled())
        throw operation_cancelled("a pipe to a process was waited for");
    if (ec) throw system_error(ec, name_);
}

task<std::size_t> process_pipe::read_some(char* data, std::size_t size) {
    co_await take_turn();
    for (;;) {
        const ssize_t n = ::read(fd_.native_handle(), data, size);
        if (n >= 0) co_return static_cast<std::size_t>(n);
        if (errno == EAGAIN)
            co_await wait(descriptor::wait_read, "process.read");
        else if (errno != EINTR)
            fail(errno, "read ");
    }
}

task<> process_pipe::write(std::string_view data) {
    co_await take_turn();
    while (!data.empty()) {
        if (!fd_.is_open()) fail(EBADF, "write ");
        const ssize_t n = write_quietly(fd_.native_handle(), data.data(), data.size());
        if (n >= 0) {
            data.remove_prefix(static_cast<std::size_t>(n));
            if (!data.empty()) co_await take_turn();
        } else if (errno == EAGAIN) {
            co_await wait(descriptor::wait_write, "process.write");
        } else if (errno != EINTR) {
            fail(errno, "write ");
        }
    }
}

void process_pipe::close() noexcept {
    boost::system::error_code ignored;
    fd_.close(ignored);
}

} // namespace tandem::detail
