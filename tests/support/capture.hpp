// What the process writes to stderr, for tests of what is printed there.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace tests {

// stderr goes into a pipe while it lives.
class stderr_capture {
public:
    stderr_capture() {
        if (pipe(ends_.data()) != 0) throw std::runtime_error("pipe");
        std::fflush(stderr);
        before_ = dup(STDERR_FILENO);
        dup2(ends_[1], STDERR_FILENO);
        close(ends_[1]);
    }
    ~stderr_capture() {
        if (before_ >= 0) restore();
        close(ends_[0]);
    }
    stderr_capture(const stderr_capture&) = delete;
    stderr_capture& operator=(const stderr_capture&) = delete;

    // Blocks until what was written contains `text`; returns all of it so far.
    const std::string& wait_for(const std::string& text) {
        while (text_.find(text) == std::string::npos && read_some()) {
        }
        return text_;
    }
    // Ends the capture. What was written, at most a pipe's capacity of it since the last `wait_for`.
    const std::string& finish() {
        restore();
        while (read_some()) {
        }
        return text_;
    }

private:
    void restore() {
        std::fflush(stderr);
        dup2(before_, STDERR_FILENO); // closes the last writing end
        close(before_);
        before_ = -1;
    }
    bool read_some() {
        std::array<char, 4096> bytes{};
        const ssize_t n = read(ends_[0], bytes.data(), bytes.size());
        if (n <= 0) return false;
        text_.append(bytes.data(), static_cast<std::size_t>(n));
        return true;
    }

    std::array<int, 2> ends_{};
    int before_ = -1;
    std::string text_;
};

// Runs `body` in a child process; its stderr and how it ended (as of waitpid).
class child_result {
public:
    child_result() {}
    std::string errors;
    int status = 0;
};
template <class Body>
child_result in_child(Body body) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw std::runtime_error("pipe");
    std::fflush(stdout);
    std::fflush(stderr);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);     // the test framework's handler would speak up
        [&]() noexcept { body(); }(); // what leaves it ends the process
        _exit(0);
    }
    close(ends[1]);
    child_result result;
    std::array<char, 4096> bytes{};
    for (ssize_t n = 0; (n = read(ends[0], bytes.data(), bytes.size())) > 0;)
        result.errors.append(bytes.data(), static_cast<std::size_t>(n));
    close(ends[0]);
    waitpid(child, &result.status, 0);
    return result;
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace tests
