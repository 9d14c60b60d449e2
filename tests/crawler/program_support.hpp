// Runs the built tandem-crawl as a user does.
#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace program_test {

// Where the child's stderr goes.
enum class errors_to { pipe, terminal };

class program {
public:
    using clock = std::chrono::steady_clock;

    explicit program(std::vector<std::string> arguments, errors_to errors = errors_to::pipe,
                     const std::string& term = "xterm") {
        std::array<int, 2> output{};
        std::array<int, 2> error{};
        if (pipe2(output.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        if (errors == errors_to::pipe) {
            if (pipe2(error.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        } else {
            error[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
            if (error[0] < 0 || grantpt(error[0]) != 0 || unlockpt(error[0]) != 0)
                throw std::runtime_error("no terminal");
            error[1] = open(ptsname(error[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
        }
        out_ = output[0];
        err_ = error[0];
        arguments.insert(arguments.begin(), TANDEM_CRAWL_PROGRAM);
        std::vector<char*> argv;
        for (std::string& a : arguments)
            argv.push_back(a.data());
        argv.push_back(nullptr);
        std::vector<char*> environment;
        for (char** e = environ; *e; ++e)
            if (std::string(*e).rfind("TERM=", 0) != 0) environment.push_back(*e);
        std::string term_variable = "TERM=" + term;
        environment.push_back(term_variable.data());
        environment.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, error[1], STDERR_FILENO);
        const int failed = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environment.data());
        posix_spawn_file_actions_destroy(&actions);
        ::close(output[1]);
        ::close(error[1]);
        if (failed != 0) throw std::runtime_error("cannot start " + arguments[0]);
    }
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        close_pipe(out_);
        close_pipe(err_);
    }

    // Until stdout has so many lines, or has ended.
    void read_lines(std::size_t count) {
        while (out_ >= 0 && lines() < count)
            read_some();
    }
    void close_output() { close_pipe(out_); } // as `| head` does
    void signal(int number) { ::kill(pid_, number); }

    // Reads all there is to come; the exit code, or 1000 and the signal that killed it.
    int finish() {
        while (out_ >= 0 || err_ >= 0)
            read_some();
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

    std::string out;
    std::string err;

private:
    std::size_t lines() const {
        std::size_t n = 0;
        for (const char c : out)
            n += c == '\n';
        return n;
    }
    static void close_pipe(int& fd) {
        if (fd >= 0) ::close(std::exchange(fd, -1));
    }
    void read_some() {
        std::array<pollfd, 2> both{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - clock::now()).count();
        if (left <= 0 || ::poll(both.data(), both.size(), static_cast<int>(left)) == 0)
            throw std::runtime_error("the program hangs; until now: " + err);
        take(both[0], out_, out);
        take(both[1], err_, err);
    }
    static void take(const pollfd& p, int& fd, std::string& into) {
        if (fd < 0 || p.revents == 0) return;
        std::array<char, 65536> buffer{};
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n > 0)
            into.append(buffer.data(), static_cast<std::size_t>(n));
        else
            close_pipe(fd); // a terminal ends with EIO
    }

    pid_t pid_ = -1;
    int out_ = -1;
    int err_ = -1;
    clock::time_point deadline_ = clock::now() + std::chrono::seconds(60);
};

class ended {
public:
    ended(int c, std::string o, std::string e) : code(c), out(std::move(o)), err(std::move(e)) {}
    int code;
    std::string out;
    std::string err;
};

inline ended run(std::vector<std::string> arguments) {
    program p(std::move(arguments));
    const int code = p.finish();
    return ended(code, p.out, p.err);
}

} // namespace program_test
