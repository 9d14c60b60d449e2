// A child of this program until it was reaped: signals to it, its end, its status.
//
// Its number stays its own only as long as it was not reaped, and so does that of its group: signals are sent
// before, never after.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/system/subprocess.hpp>

#include "lib/core/descriptor_wait.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <sys/types.h>

namespace tandem::detail {

class child_process {
public:
    // Takes over `pid`: when it throws, the child was ended and reaped.
    child_process(scheduler& home, pid_t pid, bool own_group, const std::string& name);
    ~child_process(); // SIGKILL and reap, when nobody did
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    pid_t pid() const noexcept { return pid_; }
    const std::string& name() const noexcept { return name_; }
    const std::optional<exit_status>& status() const noexcept { return status_; } // none: not reaped

    bool signal(int number);
    void signal_group(int number) noexcept; // the child alone, when it has no group of its own

    // Waits until it has ended, but does not reap it. Throws operation_cancelled, system_error.
    task<> ended();
    task<exit_status> wait();
    task<> stop(std::chrono::milliseconds grace);

private:
    child_process(pid_t pid, bool own_group) noexcept : pid_(pid), own_group_(own_group) {}
    bool has_ended() const; // without waiting; also true when it was reaped
    void reap();

    std::optional<descriptor> pidfd_; // none: the kernel has no such thing
    std::optional<exit_status> status_;
    std::string name_;
    pid_t pid_;
    bool own_group_;
    bool stopping_ = false; // what is left of its group is ended before it is reaped
};

// For tests: children that are started from now on are waited for without pidfd.
void use_pidfd(bool on) noexcept;

} // namespace tandem::detail
