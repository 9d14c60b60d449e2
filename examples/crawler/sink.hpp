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

/// Replaces `path` by `text`, whole: through a temporary file beside it. "-" is standard output. Throws
/// file_error.
void write_file(const std::string& path, const std::string& text);

} // namespace crawler
