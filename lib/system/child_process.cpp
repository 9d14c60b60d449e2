#include "lib/system/child_process.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/error.hpp>

#include "lib/system/spawn.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tandem::detail {

namespace {

std::atomic<bool> pidfd_wanted{true};

int open_pidfd([[maybe_unused]] pid_t pid) noexcept {
#ifdef SYS_pidfd_open
    if (pidfd_wanted.load(std::memory_order_relaxed))
        return static_cast<int>(syscall(SYS_pidfd_open, pid, 0U));
#endif
    return -1; // the flag FD_CLOEXEC is set by the kernel
}

[[noreturn]] void fail_on_child(int code, const std::string& what) {
    throw system_error(error_code(code, boost::system::system_category()), what);
}

int wait_id(pid_t pid, siginfo_t& info, int flags) noexcept {
    info = {};
    int result = 0;
    do {
        result = waitid(P_PID, static_cast<id_t>(pid), &info, flags);
    } while (result != 0 && errno == EINTR);
    return result;
}

exit_status status_of(const siginfo_t& info) noexcept {
    return info.si_code == CLD_EXITED ? exit_status::exited(info.si_status)
                                      : exit_status::signalled(info.si_status);
}

} // namespace

void use_pidfd(bool on) noexcept {
    pidfd_wanted = on;
}

// Delegates, so that the destructor runs when something throws here.
child_process::child_process(scheduler& home, pid_t pid, bool own_group, const std::string& name)
    : child_process(pid, own_group) {
    name_ = name;
    unique_fd fd(open_pidfd(pid_));
    if (!fd) return; // whatever the reason: the slow way still works
    boost::system::error_code ec;
    pidfd_.emplace(home.executor());
    pidfd_->assign(fd.get(), ec);
    if (ec)
        pidfd_.reset();
    else
        fd.release();
}

child_process::~child_process() {
    if (status_) return;
    signal_group(SIGKILL);
    siginfo_t info;
    wait_id(pid_, info, WEXITED);
}

bool child_process::signal(int number) {
    if (status_) return false;
    if (::kill(pid_, number) != 0) fail_on_child(errno, "signal to " + name_);
    return true;
}

// A child may leave the group that it led (setpgid): then it is not in it, or there is none any more.
void child_process::signal_group(int number) noexcept {
    if (status_) return;
    if (!own_group_ || ::kill(-pid_, number) != 0 || number == SIGKILL) ::kill(pid_, number);
}

bool child_process::has_ended() const {
    if (status_) return true;
    siginfo_t info;
    if (wait_id(pid_, info, WEXITED | WNOHANG | WNOWAIT) != 0) fail_on_child(errno, "wait for " + name_);
    return info.si_pid == pid_;
}

void child_process::reap() {
    if (status_) return;
    if (stopping_) signal_group(SIGKILL); // by whoever reaps: afterwards the number of the group is not ours
    siginfo_t info;
    if (wait_id(pid_, info, WEXITED) != 0) fail_on_child(errno, "wait for " + name_);
    status_ = status_of(info);
}

task<> child_process::ended() {
    using std::chrono_literals::operator""ms;
    task_context& context = *task_context::current();
    if (context.cancelled()) throw operation_cancelled("the wait for a process was cancelled");
    auto pause = 1ms;
    while (!has_ended()) {
        if (pidfd_) {
            const boost::system::error_code ec =
                co_await wait_for(*pidfd_, descriptor::wait_read, "process.wait");
            if (!ec) continue;
            if (context.cancelled()) throw operation_cancelled("the wait for a process was cancelled");
            throw system_error(ec, "wait for " + name_);
        }
        co_await sleep_for(pause);
        pause = std::min(pause * 2, 50ms);
    }
}

task<exit_status> child_process::wait() {
    co_await ended();
    reap();
    co_return *status_;
}

task<> child_process::stop(std::chrono::milliseconds grace) {
    if (status_) co_return;
    stopping_ = true;
    signal_group(SIGTERM);
    signal_group(SIGCONT); // a stopped process takes no other signal
    try {
        co_await with_timeout(grace, ended());
    } catch (const timeout_error&) {
        // then the hard way
    }
    signal_group(SIGKILL);
    co_await ended();
    reap();
}

} // namespace tandem::detail
