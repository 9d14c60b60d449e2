// What was read from a stream and not given out yet, and the lines in it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace tandem::detail {

class line_buffer {
public:
    bool empty() const noexcept { return consumed_ == buffer_.size(); }

    // At most `size` bytes of it.
    std::size_t take(char* data, std::size_t size) noexcept;

    // The first line without its "\n", when its end is here. Each byte is looked at once. Throws system_error
    // with errc::message_size when the line, as far as it is here, has more than `limit` bytes; `whose` says
    // what was read, for people.
    std::optional<std::string> take_line(std::size_t limit, const char* whose);

    // At the end of the stream: what is left counts as a line, unless it is nothing.
    std::optional<std::string> take_rest();

    // Room for `size` bytes more; `commit` says how many of them were read (0 when it failed).
    char* prepare(std::size_t size);
    void commit(std::size_t size) noexcept;

private:
    std::string buffer_;
    std::size_t consumed_ = 0;
    std::size_t searched_ = 0; // no "\n" before it
    std::size_t filled_ = 0;   // while there is room prepared behind it
};

} // namespace tandem::detail
