#include "examples/crawler/sink.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace crawler {

namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
    throw file_error(path + ": " + what + ": " + std::generic_category().message(errno));
}

void write_all(int fd, const std::string& path, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) { // somebody made it non-blocking
                pollfd ready{fd, POLLOUT, 0};
                poll(&ready, 1, -1);
                continue;
            }
            fail(path, "cannot be written");
        }
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

// Neither a file nor absent: not to be replaced.
bool is_special(const std::string& path) {
    struct stat about{};
    return stat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode);
}

std::string temporary_for(const std::string& path) {
    return path + ".tmp" + std::to_string(getpid());
}

} // namespace

sink::sink(const std::string& path) : path_(path == "-" ? "standard output" : path) {
    if (path.empty()) return;
    fd_ = path == "-" ? STDOUT_FILENO
                      : open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (fd_ < 0) fail(path_, "cannot be opened");
}

sink::~sink() {
    if (fd_ > STDOUT_FILENO) close(fd_);
}

void sink::write(const page_record& page) {
    if (fd_ < 0) return;
    const std::string line = to_json(page) + '\n';
    const std::lock_guard lock(mutex_);
    write_all(fd_, path_, line);
}

void check_readable(const std::string& path) {
    if (access(path.c_str(), R_OK) != 0) fail(path, "cannot be read");
}

void check_writable(const std::string& path) {
    if (path.empty() || path == "-") return;
    if (is_special(path)) {
        if (access(path.c_str(), W_OK) != 0) fail(path, "cannot be written");
        struct stat about{};
        errno = EISDIR;
        if (stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) fail(path, "cannot be written");
        return;
    }
    const std::string temporary = temporary_for(path);
    const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) fail(path, "cannot be written");
    close(fd);
    unlink(temporary.c_str());
}

void write_file(const std::string& path, const std::string& text) {
    if (path == "-") {
        write_all(STDOUT_FILENO, "standard output", text);
        return;
    }
    const bool directly = is_special(path);
    const std::string temporary = directly ? path : temporary_for(path);
    // O_EXCL: where others may write too, one of them could have put a link there to a file of ours.
    const int fd =
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (directly ? O_TRUNC : O_EXCL), 0666);
    if (fd < 0) fail(path, "cannot be written");
    try {
        write_all(fd, path, text);
    } catch (...) {
        close(fd);
        if (!directly) unlink(temporary.c_str());
        throw;
    }
    if (close(fd) != 0 && !directly) { // that the disk is full may be told here only
        const int why = errno;
        unlink(temporary.c_str());
        errno = why;
        fail(path, "cannot be written");
    }
    if (!directly && std::rename(temporary.c_str(), path.c_str()) != 0) {
        unlink(temporary.c_str());
        fail(path, "cannot be replaced");
    }
}

} // namespace crawler
