// One content coding, decoded step by step without I/O: what http::decoder stacks.
#pragma once

#include <memory>
#include <string_view>
#include <system_error>

namespace tandem::http::coding {

/// Where a step puts its output.
class output {
public:
    output(char* data, std::size_t size) noexcept : data_(data), size_(size) {}

    [[nodiscard]] char* tail() const noexcept { return data_ + made_; }
    [[nodiscard]] std::size_t space() const noexcept { return size_ - made_; }
    [[nodiscard]] bool full() const noexcept { return made_ == size_; }
    [[nodiscard]] std::string_view made() const noexcept { return {data_, made_}; }
    void commit(std::size_t n) noexcept { made_ += n; }

private:
    char* data_;
    std::size_t size_;
    std::size_t made_ = 0;
};

/// The state of a decompressor. Memory is bounded by the coding's window, whatever the input says.
class layer {
public:
    layer() = default;
    layer(const layer&) = delete;
    layer& operator=(const layer&) = delete;
    virtual ~layer() = default;

    /// Takes from the front of `in` and fills `out`, until one is used up: what does not fill `out` leaves
    /// no output behind inside. Answers a coding_error. Throws std::bad_alloc.
    virtual std::error_code step(std::string_view& in, output& out) = 0;

    /// Whether the input may end here.
    [[nodiscard]] virtual bool at_end() const noexcept = 0;
};

[[nodiscard]] std::unique_ptr<layer> make_gzip();
[[nodiscard]] std::unique_ptr<layer> make_deflate(); // a zlib stream, or a raw one
[[nodiscard]] std::unique_ptr<layer> make_brotli();
[[nodiscard]] std::unique_ptr<layer> make_zstd();

} // namespace tandem::http::coding
