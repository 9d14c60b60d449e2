// Where pages go: a file of JSON lines. A line is there whole or not at all.
#pragma once

#include "examples/crawler/page_record.hpp"

#include <mutex>
#include <stdexcept>
#include <string>

namespace crawler {

/// A file that cannot be opened or written. Exit code 3.
class file_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Thread-safe.
class sink {
public:
    /// Truncates `path`; "-" is standard output; empty: nothing is written. Throws file_error.
    explicit sink(const std::string& path);
    sink(const sink&) = delete;
    sink& operator=(const sink&) = delete;
    ~sink();

    /// Writes one line with one system call (repeated only if the system took a part of it). Throws
    /// file_error.
    void write(const page_record& page);

private:
    std::string path_;
    std::mutex mutex_;
    int fd_ = -1;
};

/// Throws file_error if `path` cannot be read.
void check_readable(const std::string& path);

/// Throws file_error if write_file() would, for all that can be known before. Nothing is changed.
void check_writable(const std::string& path);

/// Replaces `path` by `text`, whole: through a temporary file beside it. "-" is standard output; a
/// device, a pipe and the like are written to directly. Throws file_error.
void write_file(const std::string& path, const std::string& text);

} // namespace crawler
