// Helpers for tests of child processes.
#pragma once

#include <tandem/system/subprocess.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include <dirent.h>
#include <sys/wait.h>

namespace tests {

// Whether this process has no child, running or zombie.
inline bool no_children() {
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

// Open descriptors of this process.
inline std::size_t open_descriptors() {
    std::size_t n = 0;
    DIR* const directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        ++n;
    closedir(directory);
    return n;
}

// Text that no filter could produce by accident.
inline std::string large_text(std::size_t size) {
    std::string text;
    text.reserve(size + 32);
    for (std::size_t i = 0; text.size() < size; ++i)
        text += "line " + std::to_string(i * 2654435761U) + '\n';
    text.resize(size);
    return text;
}

inline tandem::process_options shell(std::string command) {
    return tandem::process_options::shell(std::move(command));
}

// Writes "ready", and ignores SIGTERM for good.
inline tandem::process_options stubborn() {
    return shell("trap '' TERM; echo ready; while :; do sleep 100; done")
        .out(tandem::process_io::pipe)
        .grace(std::chrono::milliseconds(20));
}

} // namespace tests
