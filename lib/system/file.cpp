#include <tandem/system/file.hpp>

#include <tandem/core/error.hpp>
#include <tandem/parallelism/offload.hpp>

#include "lib/system/file_calls.hpp"

#include <cerrno>
#include <functional>

#include <fcntl.h>
#include <unistd.h>

namespace tandem {

namespace detail {

open_file::~open_file() {
    if (fd_ >= 0) ::close(fd_);
}

namespace {

void write_whole(const std::string& path, const std::string& data, int flags) {
    open_file file = open_path(path, O_WRONLY | O_CREAT | flags);
    write_all(file.fd(), path, data);
    close_file(file);
}

int flags_of(open_mode mode) noexcept {
    switch (mode) {
    case open_mode::truncate:
        return O_TRUNC;
    case open_mode::append:
        return O_APPEND;
    case open_mode::create:
        break;
    }
    return O_EXCL;
}

int descriptor_of(const open_file& file, const char* operation) {
    if (file.fd() < 0) fail_on_file(EBADF, operation, file.path());
    return file.fd();
}

} // namespace

} // namespace detail

task<std::string> read_file(std::string path, std::size_t limit) {
    co_return co_await offload(detail::read_whole, std::move(path), limit);
}

task<> write_file(std::string path, std::string data, write_mode mode) {
    if (mode == write_mode::replace)
        co_await offload(detail::replace_file, std::move(path), std::move(data));
    else
        co_await offload(detail::write_whole, std::move(path), std::move(data), O_TRUNC);
}

task<> append_file(std::string path, std::string data) {
    co_await offload(detail::write_whole, std::move(path), std::move(data), O_APPEND);
}

// ---- file_reader ----

namespace {

void check_cancelled() {
    if (task_context::current()->cancelled()) throw operation_cancelled("reading a file was cancelled");
}

} // namespace

task<file_reader> file_reader::open(std::string path) {
    detail::open_file file = co_await offload(detail::open_path, std::move(path), O_RDONLY);
    co_return file_reader(std::move(file));
}

task<std::size_t> file_reader::read_some(char* data, std::size_t size) {
    if (!buffer_.empty()) {
        check_cancelled();
        co_return buffer_.take(data, size);
    }
    const int fd = detail::descriptor_of(file_, "read");
    co_return co_await offload(detail::read_piece, fd, std::cref(file_.path()), data, size);
}

task<std::optional<std::string>> file_reader::read_line(std::size_t limit) {
    constexpr std::size_t piece = std::size_t{64} * 1024;
    check_cancelled();
    const int fd = detail::descriptor_of(file_, "read");
    for (;;) {
        std::optional<std::string> line = buffer_.take_line(limit, file_.path().c_str());
        if (line) co_return line;
        char* const room = buffer_.prepare(piece);
        std::size_t n = 0;
        try {
            n = co_await offload(detail::read_piece, fd, std::cref(file_.path()), room, piece);
        } catch (...) {
            buffer_.commit(0);
            throw;
        }
        buffer_.commit(n);
        if (n == 0) co_return buffer_.take_rest();
    }
}

// ---- file_writer ----

task<file_writer> file_writer::open(std::string path, open_mode mode) {
    const int flags = O_WRONLY | O_CREAT | detail::flags_of(mode);
    detail::open_file file = co_await offload(detail::open_path, std::move(path), flags);
    co_return file_writer(std::move(file));
}

task<> file_writer::write(std::string_view data) {
    const int fd = detail::descriptor_of(file_, "write");
    co_await offload(detail::write_all, fd, std::cref(file_.path()), data);
    written_ += data.size();
}

task<> file_writer::sync() {
    const int fd = detail::descriptor_of(file_, "sync");
    co_await offload(detail::sync_file, fd, std::cref(file_.path()));
}

task<> file_writer::close() {
    co_await offload(detail::close_file, std::ref(file_));
}

} // namespace tandem
