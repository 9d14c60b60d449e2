// This program's end of a pipe to or from a child process, on a loop. One operation at a time.
#pragma once

#include <tandem/core/task.hpp>

#include "lib/core/descriptor_wait.hpp"
#include "lib/system/spawn.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::detail {

class process_pipe {
public:
    // `name`: of the stream, for people ("the output of cat").
    process_pipe(scheduler& home, unique_fd fd, std::string name);

    // 0: the end. Throws system_error, operation_cancelled.
    task<std::size_t> read_some(char* data, std::size_t size);
    task<> write(std::string_view data);
    void close() noexcept;

private:
    task<> wait(descriptor::wait_type what, const char* operation);
    [[noreturn]] void fail(int code, const char* doing) const;

    descriptor fd_;
    std::string name_;
};

} // namespace tandem::detail
