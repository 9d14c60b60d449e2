#include "lib/observe/trace_file.hpp"

#include <tandem/core/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace tandem::detail {

namespace {

// As the contents of a JSON string. Bytes that are no ASCII become '?': a name may be cut within a character.
void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte > 0x7e)
            out += '?';
        else if (c == '"' || c == '\\')
            out.append({'\\', c});
        else
            out += c;
    }
}

// Nanoseconds as the format's microseconds.
void append_us(std::string& out, std::int64_t ns) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%lld.%03lld", static_cast<long long>(ns / 1000),
                  static_cast<long long>(ns % 1000));
    out += text.data();
}

} // namespace

trace_file::trace_file(const std::string& path)
    : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)),
      process_(std::to_string(getpid())) {
    if (fd_ < 0) throw system_error(error_code(errno, boost::system::system_category()), "trace_to " + path);
    pending_ = "{\"traceEvents\":[\n{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":" + process_ +
               ",\"tid\":0,\"args\":{\"name\":\"tandem\"}}";
}

trace_file::~trace_file() {
    if (fd_ >= 0) close(fd_);
}

void trace_file::begin_event() {
    pending_ += ",\n{";
}

void trace_file::add_common(std::string_view phase, long thread, std::int64_t when) {
    pending_.append("\"ph\":\"").append(phase).append("\",\"pid\":").append(process_);
    pending_ += ",\"tid\":" + std::to_string(thread) + ",\"ts\":";
    append_us(pending_, when);
}

void trace_file::add_thread(long thread, std::string_view name) {
    begin_event();
    add_common("M", thread, 0);
    pending_ += ",\"name\":\"thread_name\",\"args\":{\"name\":\"";
    append_escaped(pending_, name);
    pending_ += "\"}}";
}

void trace_file::add(const trace_record& record, long thread, std::int64_t not_before) {
    if (record.end < not_before) return;
    const std::int64_t begin = std::max(record.begin, not_before);
    const std::string id = std::to_string(record.id);
    std::string task;
    if (record.name[0] == '\0')
        task = "task #" + id;
    else
        append_escaped(task, record.name.data());

    if (record.kind == trace_kind::task_waits) {
        for (const bool ends : {false, true}) {
            begin_event();
            add_common(ends ? "e" : "b", thread, ends ? record.end : begin);
            pending_ += ",\"cat\":\"wait\",\"id\":\"" + id + "\",\"name\":\"";
            append_escaped(pending_, record.operation);
            pending_ += ends ? "\"}" : "\",\"args\":{\"task\":\"" + task + "\",\"id\":" + id + "}}";
        }
        return;
    }
    begin_event();
    add_common("X", thread, begin);
    pending_ += ",\"dur\":";
    append_us(pending_, record.end - begin);
    switch (record.kind) {
    case trace_kind::task_runs:
    case trace_kind::task_waits:
        pending_ += ",\"cat\":\"task\",\"name\":\"" + task + "\",\"args\":{\"id\":" + id + "}}";
        break;
    case trace_kind::loop_waits:
        pending_ += ",\"cat\":\"loop\",\"name\":\"wait\"}";
        break;
    case trace_kind::job_runs:
        pending_ += ",\"cat\":\"pool\",\"name\":\"job\"}";
        break;
    }
}

bool trace_file::flush(std::uint64_t dropped) {
    const std::size_t events = pending_.size();
    pending_ +=
        "\n],\"displayTimeUnit\":\"ns\",\"otherData\":{\"dropped\":" + std::to_string(dropped) + "}}\n";
    const bool written = fd_ >= 0 && write_all(pending_, end_);
    if (written) {
        end_ += static_cast<off_t>(events);
    } else if (fd_ >= 0) {
        close(fd_);
        fd_ = -1;
    }
    pending_.clear();
    return written;
}

bool trace_file::write_all(std::string_view text, off_t at) noexcept {
    while (!text.empty()) {
        const ssize_t n = pwrite(fd_, text.data(), text.size(), at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
        at += n;
    }
    return true;
}

} // namespace tandem::detail
