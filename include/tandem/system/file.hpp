// Files, read and written without holding up the loop.
//
//     std::string text = co_await read_file("/etc/hostname");
//     co_await write_file("state.json", std::move(json), write_mode::replace);   // all of it, or nothing
//
//     file_reader log = co_await file_reader::open("server.log");
//     while (auto line = co_await log.read_line()) handle(*line);
//
// A regular file is never "not ready": epoll cannot wait for it, and a read that has to fetch from the disk
// blocks its thread. So every call here goes to the companion pool through `offload` (io_uring is not used:
// through Asio 1.26 it is slower, and often forbidden). Each costs a hand-over to a pool thread and back, 4
// to 10 us: read and write large pieces. A path that is no regular file (a FIFO, a terminal) may occupy a
// pool thread for long.
//
// Failure: system_error that names the operation and the path, "open /x: No such file or directory".
// Cancellation: before the call has begun, operation_cancelled, and nothing was done. A call that has begun
// is finished first, and its result handed over; the next operation reports the cancellation. Needs a
// companion pool: a runtime has one, a foreign Asio executor has not (std::logic_error).
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/system/detail/line_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem {

// 256 MiB.
inline constexpr std::size_t default_file_limit = std::size_t{256} * 1024 * 1024;

// The whole of a file. Failure: also system_error with errc::file_too_large beyond `limit` bytes.
[[nodiscard]] task<std::string> read_file(std::string path, std::size_t limit = default_file_limit);

enum class write_mode {
    truncate, // writes into the file, or makes it
    replace,  // writes a new file beside it, brings it to the disk (fsync) and renames it: readers, and the
              // time after a crash, see the old text or the new one, nothing else. Keeps the permissions and,
              // where this process may set it, the owner. Fails for what is no regular file.
};

// Writes the whole of a file. New files get the permissions 0666 less the umask.
[[nodiscard]] task<> write_file(std::string path, std::string data, write_mode mode = write_mode::truncate);

// Appends to a file, or makes it. What several processes append to the same local file at once does not mix
// as long as the pieces are written whole (a disk that is full may cut one).
[[nodiscard]] task<> append_file(std::string path, std::string data);

namespace detail {

// A descriptor that closes itself, and what it is called.
class open_file {
public:
    open_file() noexcept {}
    open_file(int fd, std::string path) noexcept : path_(std::move(path)), fd_(fd) {}
    open_file(open_file&& other) noexcept
        : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
    open_file& operator=(open_file&& other) noexcept {
        std::swap(path_, other.path_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~open_file();

    int fd() const noexcept { return fd_; }
    const std::string& path() const noexcept { return path_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    std::string path_;
    int fd_ = -1;
};

} // namespace detail

// Reads a file from its begin to its end, piece by piece. One operation at a time.
class file_reader {
public:
    static constexpr std::size_t default_line_limit = std::size_t{1024} * 1024;

    [[nodiscard]] static task<file_reader> open(std::string path);

    // At most `size` (> 0) bytes into `data`, which must stay alive; 0 at the end.
    [[nodiscard]] task<std::size_t> read_some(char* data, std::size_t size);

    // The next line, without its "\n"; what stands after the last one counts as a line. Nothing at the end.
    // Reads 64 KiB at a time. Failure: also system_error with errc::message_size when the line is longer than
    // `limit` bytes; it is then still to be read.
    [[nodiscard]] task<std::optional<std::string>> read_line(std::size_t limit = default_line_limit);

private:
    explicit file_reader(detail::open_file file) noexcept : file_(std::move(file)) {}
    detail::open_file file_;
    detail::line_buffer buffer_;
};

enum class open_mode {
    truncate, // an existing file is emptied first
    append,   // writes go to the end
    create,   // there must be no file yet
};

// Writes a file piece by piece, unbuffered. One operation at a time. The destructor closes; what matters is
// told by `close`.
class file_writer {
public:
    [[nodiscard]] static task<file_writer> open(std::string path, open_mode mode = open_mode::truncate);

    // Writes all of `data`, which must stay alive.
    [[nodiscard]] task<> write(std::string_view data);
    // Waits until what was written is on the disk (fdatasync).
    [[nodiscard]] task<> sync();
    // Closes; some file systems report failed writes only then. Idempotent.
    [[nodiscard]] task<> close();

    std::uint64_t bytes_written() const noexcept { return written_; }

private:
    explicit file_writer(detail::open_file file) noexcept : file_(std::move(file)) {}
    detail::open_file file_;
    std::uint64_t written_ = 0;
};

} // namespace tandem
