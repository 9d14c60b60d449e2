// Where a connection's input lands: starts at 16 KiB, grows where reads fill it. An idle connection has no
// buffer: what it had is kept for the next request of the same thread.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace tandem::http {

class buffer_memory {
public:
    static constexpr std::size_t least_bytes = 16 * 1024;
    static constexpr std::size_t most_kept_bytes = 64 * 1024;

    buffer_memory() noexcept {}
    explicit buffer_memory(std::size_t size)
        : data_(std::make_unique_for_overwrite<char[]>(size)), size_(size) {}
    buffer_memory(buffer_memory&& other) noexcept
        : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
    buffer_memory& operator=(buffer_memory&& other) noexcept {
        data_ = std::move(other.data_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    [[nodiscard]] char* data() const noexcept { return data_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
};

/// One that was given back on this thread, of least_bytes to most_kept_bytes; otherwise a new one of
/// least_bytes. At most 32 (2 MiB) are kept for each thread.
[[nodiscard]] buffer_memory take_buffer();
void give_buffer(buffer_memory&& one) noexcept;

class read_buffer {
public:
    read_buffer() noexcept {}

    [[nodiscard]] std::string_view view() const noexcept { return {memory_.data() + begin_, end_ - begin_}; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    void consume(std::size_t n) noexcept { begin_ += n; }

    /// Makes room; then space() bytes at tail() may be written. Views into the buffer end here.
    void prepare() {
        if (begin_ == end_) {
            begin_ = end_ = 0;
            if (was_filled_ && memory_.size() < most_bytes) return grow();
        }
        if (begin_ != 0 && space() < memory_.size() / 2) {
            std::memmove(memory_.data(), memory_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (space() < least_space) grow();
    }
    [[nodiscard]] char* tail() noexcept { return memory_.data() + end_; }
    [[nodiscard]] std::size_t space() const noexcept { return memory_.size() - end_; }
    void commit(std::size_t n) noexcept {
        was_filled_ = n == space();
        end_ += n;
    }

    /// Forgets the content, and gives the memory back.
    void reset() noexcept {
        begin_ = end_ = 0;
        was_filled_ = false;
        give_buffer(std::move(memory_));
    }

private:
    static constexpr std::size_t most_bytes = 256 * 1024; // beyond only if a header needs it
    static constexpr std::size_t least_space = 4 * 1024;

    void grow() {
        buffer_memory larger = memory_.size() == 0 ? take_buffer() : buffer_memory(memory_.size() * 2);
        if (begin_ != end_) std::memcpy(larger.data(), memory_.data() + begin_, end_ - begin_);
        memory_ = std::move(larger);
        end_ -= begin_;
        begin_ = 0;
        was_filled_ = false;
    }

    buffer_memory memory_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool was_filled_ = false;
};

} // namespace tandem::http
