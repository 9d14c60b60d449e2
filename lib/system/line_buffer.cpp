#include <tandem/system/detail/line_buffer.hpp>

#include <tandem/core/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tandem::detail {

std::size_t line_buffer::take(char* data, std::size_t size) noexcept {
    const std::size_t n = std::min(size, buffer_.size() - consumed_);
    if (n != 0) std::memcpy(data, buffer_.data() + consumed_, n);
    consumed_ += n;
    searched_ = std::max(searched_, consumed_);
    return n;
}

std::optional<std::string> line_buffer::take_line(std::size_t limit, const char* whose) {
    const std::size_t end = buffer_.find('\n', searched_);
    const bool found = end != std::string::npos;
    const std::size_t length = (found ? end : buffer_.size()) - consumed_;
    if (length > limit)
        throw system_error(error_code(EMSGSIZE, boost::system::system_category()),
                           std::string(whose) + ": a line is longer than the limit of " +
                               std::to_string(limit) + " bytes");
    searched_ = found ? end : buffer_.size();
    if (!found) return std::nullopt;
    std::optional<std::string> line(buffer_.substr(consumed_, length));
    consumed_ = searched_ = end + 1;
    return line;
}

std::optional<std::string> line_buffer::take_rest() {
    if (empty()) return std::nullopt;
    std::optional<std::string> rest(buffer_.substr(consumed_));
    buffer_.clear();
    consumed_ = searched_ = 0;
    return rest;
}

char* line_buffer::prepare(std::size_t size) {
    buffer_.erase(0, consumed_);
    searched_ -= consumed_;
    consumed_ = 0;
    filled_ = buffer_.size();
    buffer_.resize(filled_ + size);
    return buffer_.data() + filled_;
}

void line_buffer::commit(std::size_t size) noexcept {
    buffer_.resize(filled_ + size);
}

} // namespace tandem::detail
