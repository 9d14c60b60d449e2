// The signal handler writes a byte to a pipe, a thread reads it and prints.
#include <tandem/observe/tasks.hpp>

#include <tandem/core/error.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

namespace tandem {

namespace {

constexpr char dump_byte = 'd';
constexpr char end_byte = 'e';

// The pipe is never closed: a handler that has just begun may still write.
std::atomic<int> write_end{-1};
std::atomic<bool> in_use{false};

extern "C" void tandem_on_dump_signal(int) {
    const int saved = errno;
    if (write(write_end.load(), &dump_byte, 1) < 0) {
        // Full: as many dumps are on their way.
    }
    errno = saved;
}

system_error failed(const char* what) {
    return system_error(error_code(errno, boost::system::system_category()), what);
}

int read_end() {
    static const int fd = [] {
        std::array<int, 2> fds{};
        if (pipe2(fds.data(), O_CLOEXEC) != 0) throw failed("pipe for signals");
        fcntl(fds[1], F_SETFL, O_NONBLOCK);
        write_end = fds[1];
        return fds[0];
    }();
    return fd;
}

void print_all(const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = write(STDERR_FILENO, text.data() + done, text.size() - done);
        if (n < 0 && errno == EAGAIN) { // a pipe that somebody made non-blocking is full
            pollfd room{STDERR_FILENO, POLLOUT, 0};
            if (poll(&room, 1, 1000) <= 0) return; // nobody reads it
            continue;
        }
        if (n < 0 && errno != EINTR) return;
        if (n > 0) done += static_cast<std::size_t>(n);
    }
}

// Until `end_byte`.
void serve(int fd) {
    for (;;) {
        std::array<char, 64> bytes{};
        const ssize_t n = read(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        const std::string got(bytes.data(), static_cast<std::size_t>(n));
        if (got.find(dump_byte) != std::string::npos) print_all(dump_tasks());
        if (got.find(end_byte) != std::string::npos) return;
    }
}

} // namespace

class dump_tasks_on_signal::impl {
public:
    explicit impl(int signal) : signal_(signal) {
        const int fd = read_end();
        thread_ = std::thread([fd] {
            pthread_setname_np(pthread_self(), "tandem-dump");
            serve(fd);
        });
        struct sigaction action = {};
        action.sa_handler = tandem_on_dump_signal;
        action.sa_flags = SA_RESTART;
        sigemptyset(&action.sa_mask);
        if (sigaction(signal_, &action, &before_) != 0) {
            const system_error failure = failed("catching a signal");
            end_thread();
            throw failure;
        }
    }
    ~impl() {
        sigaction(signal_, &before_, nullptr);
        end_thread();
    }

private:
    void end_thread() {
        while (write(write_end.load(), &end_byte, 1) < 0) // full of dumps: they are being read
            std::this_thread::yield();
        thread_.join();
    }

    const int signal_;
    struct sigaction before_ = {};
    std::thread thread_;
};

dump_tasks_on_signal::dump_tasks_on_signal(int signal) {
    if (in_use.exchange(true)) throw std::logic_error("dump_tasks_on_signal: one at a time in a process");
    try {
        impl_ = std::make_unique<impl>(signal);
    } catch (...) {
        in_use = false;
        throw;
    }
}

dump_tasks_on_signal::~dump_tasks_on_signal() {
    impl_.reset();
    in_use = false;
}

} // namespace tandem
