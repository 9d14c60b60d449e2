// `run`: signals and exit codes of a whole program.
#include <tandem/core/error.hpp>
#include <tandem/core/runtime.hpp>

#include "lib/core/loop.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace tandem::detail {

namespace {

// Signal handlers can only reach global state. One program at a time catches signals.
std::atomic<int> caught_signal{0};
std::atomic<int> wake_fd{-1};

extern "C" void tandem_on_signal(int number) {
    const int saved = errno;
    int none = 0;
    if (!caught_signal.compare_exchange_strong(none, number)) _exit(128 + number); // the second one
    const char byte = 0;
    const int fd = wake_fd.load();
    if (fd >= 0 && write(fd, &byte, 1) < 0) {
        // The pipe is never full: one byte is written in all.
    }
    errno = saved;
}

void set_handler(int number, void (*handler)(int), struct sigaction* before) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, before);
}

} // namespace

class program::impl {
public:
    explicit impl(runtime_options options)
        : runtime_(std::move(options)), context_(runtime_),
          signal_pipe_(static_cast<loop&>(runtime_.loop(0)).io()) {
        std::array<int, 2> fds{};
        if (pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            throw system_error(error_code(errno, boost::system::system_category()), "pipe for signals");
        signal_pipe_.assign(fds[0]);
        write_end_ = fds[1];
        caught_signal = 0;
        wake_fd = write_end_;
        set_handler(SIGINT, tandem_on_signal, &old_int_);
        set_handler(SIGTERM, tandem_on_signal, &old_term_);
        watch();
    }

    ~impl() {
        sigaction(SIGINT, &old_int_, nullptr);
        sigaction(SIGTERM, &old_term_, nullptr);
        wake_fd = -1;
        close(write_end_);
    }

    void watch() {
        signal_pipe_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                [this](const error_code& ec) {
                                    if (!ec && !done_) context_.request_cancel();
                                });
    }

    runtime runtime_;
    runtime::main_context context_;
    boost::asio::posix::stream_descriptor signal_pipe_;
    int write_end_ = -1;
    bool done_ = false;
    struct sigaction old_int_ = {};
    struct sigaction old_term_ = {};
};

program::program(runtime_options options) : impl_(std::make_unique<impl>(std::move(options))) {}
program::~program() = default;

task_context& program::context() noexcept {
    return impl_->context_;
}

void program::execute(std::coroutine_handle<> entry) {
    impl_->runtime_.run_until_done(impl_->context_, entry);
    impl_->done_ = true;
}

int program::exit_code(const std::exception_ptr& failure, int value) noexcept {
    const int signal_number = caught_signal;
    if (failure && !(signal_number != 0 && is_cancellation(failure))) {
        std::fprintf(stderr, "error: %s\n", describe(failure).c_str());
        if (signal_number == 0) return 1;
    }
    return signal_number != 0 ? 128 + signal_number : value;
}

} // namespace tandem::detail
