// Finds and validates the lines of a header section while its bytes arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/http/h1/error.hpp"
#include "lib/http/headers_access.hpp"
#include "tandem/http/headers.hpp"

namespace tandem::http::h1 {

/// Requests are read strictly, responses as the web needs it (RFC 9112, 2.2, 5.1, 5.2): lines may end in LF
/// alone, whitespace before a colon is dropped, a folded line is joined by a space.
enum class strictness { strict, lenient };

/// Looks at every byte once, whatever pieces they come in: each call is given the same bytes again and more.
/// It keeps offsets, never views, so the caller's buffer may move between calls.
class field_scanner {
public:
    enum class result { need_more, line, done, failed };

    /// How much the section may take.
    struct bounds {
        std::size_t bytes = 0;
        std::size_t line_bytes = 0;
        std::size_t fields = 0;
    };

    /// Begins a section at the first byte that will be given.
    void reset(const bounds& what, strictness mode) noexcept;

    /// Finds the start line: on result::line, `line` is without its line end.
    result start_line(std::string_view bytes, std::string_view& line);

    /// Reads field lines up to the empty one. On result::done `into` holds them, and end() is the number of
    /// bytes that the section took.
    result fields(std::string_view bytes, http::headers& into);

    [[nodiscard]] std::size_t end() const noexcept { return line_start_; }
    [[nodiscard]] h1::error error() const noexcept { return error_; }

private:
    result next_line(std::string_view bytes, std::string_view& line, bool start_line);
    result fail(h1::error value) noexcept;
    h1::error field(std::string_view line);
    h1::error fold(std::string_view line);

    bounds bounds_;
    std::vector<http::detail::headers_access::entry>
        entries_; // offsets from fields_start_; no text before done
    strictness mode_ = strictness::strict;
    std::size_t line_start_ = 0;  // of the line looked for
    std::size_t line_offset_ = 0; // of the line found last
    std::size_t scanned_ = 0;     // up to here there is no line end
    std::size_t fields_start_ = 0;
    bool in_fields_ = false;
    bool folded_ = false;
    h1::error error_{};
};

} // namespace tandem::http::h1
