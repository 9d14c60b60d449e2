// Starting a process: posix_spawn and the pipes to it. Knows nothing of tasks and loops.
#pragma once

#include <tandem/system/process_options.hpp>

#include <string>
#include <utility>

#include <sys/types.h>

namespace tandem::detail {

// A descriptor that closes itself.
class unique_fd {
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~unique_fd() { reset(); }

    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept;
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

class spawned_process {
public:
    spawned_process() noexcept {}
    pid_t pid = -1;
    unique_fd in; // this program's ends of the pipes: non-blocking
    unique_fd out;
    unique_fd err;
};

// Failure: system_error, std::invalid_argument.
spawned_process spawn_process(const process_options& options);

} // namespace tandem::detail
