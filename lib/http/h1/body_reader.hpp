// Reads the body of an HTTP/1.1 message: by length, chunked, or up to the end of the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "lib/http/h1/error.hpp"
#include "lib/http/h1/event.hpp"
#include "lib/http/h1/field_scanner.hpp"
#include "lib/http/h1/limits.hpp"
#include "lib/http/h1/message_head.hpp"
#include "tandem/http/headers.hpp"

namespace tandem::http::h1 {

/// A push-style reader that copies nothing but trailers. Same contract as request_reader::read().
class body_reader {
public:
    /// What the head said. `header_bytes` and `fields` are those that the head took of the limits.
    struct plan {
        h1::framing framing = framing::none;
        std::uint64_t length = 0;
        std::size_t header_bytes = 0;
        std::size_t fields = 0;
    };

    /// Starts a body. `bounds` is copied.
    void reset(const plan& what, const limits& bounds, strictness mode);

    /// Replaces limits::body_bytes; call it before the first read().
    void body_limit(std::uint64_t bytes) noexcept { limits_.body_bytes = bytes; }

    /// Gives event::body, complete, need_more or failed.
    step read(std::string_view bytes, bool end_of_stream);

    [[nodiscard]] std::error_code error() const noexcept { return error_; }
    [[nodiscard]] http::headers& trailers() noexcept { return trailers_; }
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return total_; } ///< body bytes handed out

private:
    enum class state {
        start,
        data,       // `remaining_` bytes of the body, or of the chunk
        size_first, // at the first digit of a chunk size
        size,
        size_blank, // lenient: whitespace after the digits
        extension,
        size_lf, // after the CR of a chunk size line
        data_cr,
        data_lf,
        trailers,
        until_close,
        complete,
        failed,
    };

    step fail(h1::error value);
    step read_chunked(std::string_view bytes);
    h1::error size_line_byte(unsigned char c);
    h1::error count_extension_byte() noexcept;
    h1::error size_line_end();
    step read_trailers(std::string_view bytes, std::size_t at);

    limits limits_;
    strictness mode_ = strictness::strict;
    plan plan_;
    state state_ = state::complete;
    std::uint64_t remaining_ = 0;
    std::uint64_t total_ = 0;
    unsigned digits_ = 0;
    std::uint64_t extension_bytes_ = 0;
    field_scanner scanner_;
    http::headers trailers_;
    std::error_code error_;
};

} // namespace tandem::http::h1
