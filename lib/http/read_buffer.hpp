// Where a connection's input lands: starts at 16 KiB, grows where reads fill it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace tandem::http {

class read_buffer {
public:
    read_buffer() noexcept {}

    [[nodiscard]] std::string_view view() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    void consume(std::size_t n) noexcept { begin_ += n; }

    /// Makes room; then space() bytes at tail() may be written. Views into the buffer end here.
    void prepare() {
        if (begin_ == end_) {
            begin_ = end_ = 0;
            if (was_filled_ && capacity_ < most_bytes) return grow();
        }
        if (begin_ != 0 && space() < capacity_ / 2) {
            std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (space() < least_space) grow();
    }
    [[nodiscard]] char* tail() noexcept { return data_.get() + end_; }
    [[nodiscard]] std::size_t space() const noexcept { return capacity_ - end_; }
    void commit(std::size_t n) noexcept {
        was_filled_ = n == space();
        end_ += n;
    }

    /// Forgets the content, and memory that an idle connection should not hold.
    void reset() noexcept {
        begin_ = end_ = 0;
        was_filled_ = false;
        if (capacity_ > kept_bytes) {
            data_.reset();
            capacity_ = 0;
        }
    }

private:
    static constexpr std::size_t first_bytes = 16 * 1024;
    static constexpr std::size_t most_bytes = 256 * 1024; // beyond only if a header needs it
    static constexpr std::size_t kept_bytes = 64 * 1024;
    static constexpr std::size_t least_space = 4 * 1024;

    void grow() {
        const std::size_t bytes = std::max(first_bytes, capacity_ * 2);
        auto larger = std::make_unique_for_overwrite<char[]>(bytes);
        if (begin_ != end_) std::memcpy(larger.get(), data_.get() + begin_, end_ - begin_);
        data_ = std::move(larger);
        capacity_ = bytes;
        end_ -= begin_;
        begin_ = 0;
        was_filled_ = false;
    }

    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool was_filled_ = false;
};

} // namespace tandem::http
