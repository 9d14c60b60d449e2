#include "bench/http/process.hpp"

#include "bench/http/job.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

namespace {

void pin(processor where) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
    std::vector<int> processors;
    for (int i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &allowed)) processors.push_back(i);
    if (processors.size() < 2) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(where == processor::client ? processors[0] : processors[1], &one);
    sched_setaffinity(0, sizeof(one), &one);
}

// In the child: never returns.
[[noreturn]] void become(const std::vector<std::string>& command, processor where) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(where);
    std::vector<char*> arguments;
    for (const std::string& one : command)
        arguments.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
}

void silence(int fd) {
    const int null = open("/dev/null", O_RDWR);
    if (null >= 0) dup2(null, fd);
}

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

// Everything until the end or the limit.
std::string read_all(int fd, pid_t child, unsigned limit_s) {
    std::string text;
    std::array<char, 65536> buffer;
    const double end = wall_ns() + limit_s * 1e9;
    for (;;) {
        pollfd wanted{fd, POLLIN, 0};
        const double left = end - wall_ns();
        if (left <= 0 || poll(&wanted, 1, static_cast<int>(left / 1e6) + 1) == 0) {
            kill(child, SIGKILL);
            return std::string();
        }
        const ssize_t n = read(fd, buffer.data(), buffer.size());
        if (n == 0 || (n < 0 && errno != EINTR)) return text;
        if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

} // namespace

finished run_process(const std::vector<std::string>& command, processor where,
                     const std::vector<std::pair<std::string, std::string>>& environment, bool loud,
                     unsigned limit_s) {
    std::array<int, 2> out{};
    if (pipe2(out.data(), O_CLOEXEC) != 0) die("no pipe");
    const pid_t child = fork();
    if (child < 0) die("no process");
    if (child == 0) {
        silence(STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        if (!loud) silence(STDERR_FILENO);
        for (const auto& [name, value] : environment)
            setenv(name.c_str(), value.c_str(), 1);
        become(command, where);
    }
    close(out[1]);
    finished result;
    result.output = read_all(out[0], child, limit_s);
    close(out[0]);
    int status = 0;
    rusage used{};
    wait4(child, &status, 0, &used);
    result.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    result.cpu_us = (seconds(used.ru_utime) + seconds(used.ru_stime)) * 1e6;
    return result;
}

background_process::background_process(const std::vector<std::string>& command, processor where) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) die("no pipe");
    pid_ = fork();
    if (pid_ < 0) die("no process");
    if (pid_ == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        become(command, where);
    }
    close(in[0]);
    close(out[1]);
    input_ = in[1];
    output_ = out[0];
}

background_process::~background_process() {
    close(input_);
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    close(output_);
}

std::string background_process::read_line() {
    std::string line;
    char c = 0;
    while (read(output_, &c, 1) == 1 && c != '\n')
        line += c;
    return line;
}

std::string find_program(const std::string& name) {
    const char* const path = std::getenv("PATH");
    std::istringstream folders(std::string(path ? path : "") + ":/usr/bin:/usr/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string file = folder + "/" + name;
        if (!folder.empty() && access(file.c_str(), X_OK) == 0) return file;
    }
    return std::string();
}

std::string own_program() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

} // namespace bench
