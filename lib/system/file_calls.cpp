#include "lib/system/file_calls.hpp"

#include <tandem/core/error.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tandem::detail {

void fail_on_file(int code, std::string_view operation, const std::string& path) {
    throw system_error(error_code(code, boost::system::system_category()),
                       std::string(operation) + ' ' + path);
}

open_file open_path(const std::string& path, int flags) {
    if (path.find('\0') != std::string::npos) fail_on_file(EINVAL, "open", path.c_str());
    int fd = -1;
    do {
        fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) fail_on_file(errno, "open", path);
    return open_file(fd, path);
}

std::size_t read_piece(int fd, const std::string& path, char* data, std::size_t size) {
    for (;;) {
        const ssize_t n = ::read(fd, data, size);
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) fail_on_file(errno, "read", path);
    }
}

void write_all(int fd, const std::string& path, std::string_view data) {
    while (!data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n >= 0)
            data.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            fail_on_file(errno, "write", path);
    }
}

void sync_file(int fd, const std::string& path) {
    if (fdatasync(fd) != 0 && errno != EINVAL)
        fail_on_file(errno, "sync", path); // EINVAL: no such thing there
}

void close_file(open_file& file) {
    const int fd = file.release();
    // EINTR: it is closed nevertheless, on Linux.
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) fail_on_file(errno, "close", file.path());
}

std::string read_whole(const std::string& path, std::size_t limit) {
    const open_file file = open_path(path, O_RDONLY);
    struct stat info = {};
    const bool sized = fstat(file.fd(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
    const std::size_t expected = sized ? static_cast<std::size_t>(info.st_size) : 0;
    const auto refuse = [&path, limit] {
        fail_on_file(EFBIG, "read", path + " (more than the limit of " + std::to_string(limit) + " bytes)");
    };
    if (expected > limit) refuse();
    std::string text;
    std::size_t size = 0;
    for (;;) {
        // One byte more than expected: so the end is seen by the read that follows, without a copy.
        if (size == text.size()) text.resize(std::max({expected + 1, size * 2, std::size_t{4096}}));
        const std::size_t n = read_piece(file.fd(), path, text.data() + size, text.size() - size);
        size += n;
        if (size > limit) refuse();
        if (n == 0) break;
    }
    text.resize(size);
    return text;
}

namespace {

// A file of a new name beside `path`.
open_file temporary_beside(const std::string& path, mode_t mode) {
    static std::atomic<std::uint64_t> counter{0};
    for (int attempt = 0;; ++attempt) {
        // Not made of the file's own name, which may be as long as names can be.
        const std::string name = path.substr(0, path.rfind('/') + 1) + ".tandem-tmp-" +
                                 std::to_string(getpid()) + '-' + std::to_string(++counter);
        const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd >= 0) return open_file(fd, name);
        if (errno != EEXIST || attempt == 1000) fail_on_file(errno, "open", name);
    }
}

// Where a symbolic link leads, also one whose target is not there yet: the file there is replaced, not the
// link.
std::string resolved(std::string path) {
    constexpr int most_links = 40; // as the kernel's
    for (int links = 0; links < most_links; ++links) {
        const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
        if (real) return std::string(real.get());
        if (errno == ELOOP) break;
        if (errno != ENOENT) return path;
        std::array<char, PATH_MAX> target{};
        const ssize_t n = readlink(path.c_str(), target.data(), target.size());
        if (n <= 0 || static_cast<std::size_t>(n) == target.size()) return path; // no link: a new file
        std::string next(target.data(), static_cast<std::size_t>(n));
        if (next.front() != '/') next.insert(0, path, 0, path.rfind('/') + 1);
        path = std::move(next);
    }
    fail_on_file(ELOOP, "replace", path);
}

// Owner, as far as this process may give it, and permissions.
void take_over_rights(const open_file& file, const struct stat& of) {
    mode_t mode = of.st_mode & 07777;
    // A set-user-id bit means the owner of before, nobody else.
    if (fchown(file.fd(), of.st_uid, of.st_gid) != 0) {
        mode &= 0777;
        // The group alone, if that is allowed; else the group that it has instead may do what everybody may.
        if (fchown(file.fd(), static_cast<uid_t>(-1), of.st_gid) != 0)
            mode = (mode & 0707) | ((mode & 07) << 3);
    }
    if (fchmod(file.fd(), mode) != 0) fail_on_file(errno, "chmod", file.path());
}

// So that the new name survives a crash, too. Some file systems cannot; then there is nothing to be done.
void sync_directory_of(const std::string& path) noexcept {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    ::close(fd);
}

} // namespace

void replace_file(const std::string& given, std::string_view data) {
    if (given.find('\0') != std::string::npos) fail_on_file(EINVAL, "open", given.c_str());
    const std::string path = resolved(given);
    struct stat info = {};
    const bool exists = stat(path.c_str(), &info) == 0;
    if (exists && S_ISDIR(info.st_mode)) fail_on_file(EISDIR, "replace", path);
    if (exists && !S_ISREG(info.st_mode)) fail_on_file(EINVAL, "replace", path); // /dev/null, a socket ...
    // Until it has the permissions of the file that it replaces nobody else may read it.
    open_file file = temporary_beside(path, exists ? 0600 : 0666);
    try {
        write_all(file.fd(), file.path(), data);
        if (exists) take_over_rights(file, info);
        if (fsync(file.fd()) != 0 && errno != EINVAL) fail_on_file(errno, "sync", file.path());
        close_file(file);
        if (std::rename(file.path().c_str(), path.c_str()) != 0) fail_on_file(errno, "replace", path);
    } catch (...) {
        ::unlink(file.path().c_str());
        throw;
    }
    sync_directory_of(path);
}

} // namespace tandem::detail
