// A file of Chrome's trace events that is valid JSON after each write: what closes it is written behind the
// events each time, and overwritten by the next ones.
#pragma once

#include "lib/observe/trace_buffer.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace tandem::detail {

class trace_file {
public:
    explicit trace_file(const std::string& path); // throws system_error
    ~trace_file();
    trace_file(const trace_file&) = delete;
    trace_file& operator=(const trace_file&) = delete;

    void add_thread(long thread, std::string_view name);
    void add(const trace_record& record, long thread, std::int64_t not_before);

    // False when the file could not be written (then nothing more is).
    bool flush(std::uint64_t dropped);

private:
    void begin_event();
    void add_common(std::string_view phase, long thread, std::int64_t when);
    bool write_all(std::string_view text, off_t at) noexcept;

    int fd_;
    off_t end_ = 0; // of the events in the file
    std::string pending_;
    const std::string process_;
};

} // namespace tandem::detail
