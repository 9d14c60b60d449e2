#include "lib/http/h1/field_scanner.hpp"

#include <algorithm>
#include <cstring>

#include "lib/http/chars.hpp"

namespace tandem::http::h1 {

namespace {

using detail::is_blank;
using access = detail::headers_access;

// Joins the lines of a folded value by one space each, in place: the result is never longer.
std::size_t unfold(char* text, std::size_t size) noexcept {
    std::size_t to = 0;
    for (std::size_t from = 0; from < size; ++from) {
        if (text[from] != '\n') {
            text[to++] = text[from];
            continue;
        }
        while (to > 0 && (is_blank(text[to - 1]) || text[to - 1] == '\r'))
            --to;
        text[to++] = ' ';
        while (from + 1 < size && is_blank(text[from + 1]))
            ++from;
    }
    return to;
}

} // namespace

void field_scanner::reset(const bounds& what, strictness mode) noexcept {
    bounds_ = what;
    bounds_.bytes = std::min(bounds_.bytes, std::size_t{1} << 31); // entries are 32-bit offsets
    entries_.clear();
    mode_ = mode;
    line_start_ = scanned_ = fields_start_ = 0;
    in_fields_ = folded_ = false;
    error_ = {};
}

field_scanner::result field_scanner::fail(h1::error value) noexcept {
    error_ = value;
    return result::failed;
}

// The LF must be among the first so many bytes, wherever the bytes given happen to end: so a limit hits at
// the same byte for every way of cutting the input.
field_scanner::result field_scanner::next_line(std::string_view bytes, std::string_view& line,
                                               bool start_line) {
    const std::size_t line_bound =
        bounds_.line_bytes < bounds_.bytes - line_start_ ? line_start_ + bounds_.line_bytes : bounds_.bytes;
    const std::size_t stop = std::min(bytes.size(), line_bound);
    const void* found =
        stop > scanned_ ? std::memchr(bytes.data() + scanned_, '\n', stop - scanned_) : nullptr;
    if (found == nullptr) {
        scanned_ = std::max(scanned_, stop);
        if (bytes.size() < line_bound) return result::need_more;
        if (start_line) return fail(h1::error::start_line_too_long);
        return fail(line_bound == bounds_.bytes ? h1::error::header_too_large
                                                : h1::error::field_line_too_long);
    }
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    std::size_t end = at;
    if (end > line_start_ && bytes[end - 1] == '\r')
        --end;
    else if (mode_ == strictness::strict)
        return fail(h1::error::bare_lf);
    line = bytes.substr(line_start_, end - line_start_);
    line_offset_ = line_start_;
    line_start_ = scanned_ = at + 1;
    return result::line;
}

field_scanner::result field_scanner::start_line(std::string_view bytes, std::string_view& line) {
    return next_line(bytes, line, true);
}

field_scanner::result field_scanner::fields(std::string_view bytes, http::headers& into) {
    if (!in_fields_) {
        in_fields_ = true;
        fields_start_ = line_start_;
        entries_.reserve(16);
    }
    for (;;) {
        std::string_view line;
        const std::size_t begin = line_start_;
        if (const result found = next_line(bytes, line, false); found != result::line) return found;
        if (line.empty()) {
            std::string& buffer = access::buffer(into);
            buffer.assign(bytes.substr(fields_start_, begin - fields_start_));
            access::entries(into).swap(entries_);
            if (folded_)
                for (access::entry& item : access::entries(into))
                    item.value_size =
                        static_cast<std::uint32_t>(unfold(buffer.data() + item.value, item.value_size));
            return result::done;
        }
        const h1::error wrong = is_blank(line.front()) ? fold(line) : field(line);
        if (wrong != h1::error{}) return fail(wrong);
    }
}

// Entries are offsets from the first field line; the text itself is copied once, when the section is
// complete.
h1::error field_scanner::field(std::string_view line) {
    std::size_t name_size = 0;
    while (name_size < line.size() && detail::is_class(line[name_size], detail::token_char))
        ++name_size;
    if (name_size == 0) return h1::error::bad_field_name;
    std::size_t colon = name_size;
    while (colon < line.size() && is_blank(line[colon]))
        ++colon;
    if (colon == line.size() || line[colon] != ':') return h1::error::bad_field_name;
    if (colon != name_size && mode_ == strictness::strict) return h1::error::space_before_colon;

    const std::string_view value = detail::trim(line.substr(colon + 1));
    if (!detail::is_field_text(value)) return h1::error::bad_field_value;
    if (entries_.size() >= bounds_.fields) return h1::error::too_many_fields;
    const auto offset = static_cast<std::uint32_t>(line_offset_ - fields_start_);
    entries_.push_back(
        {offset, static_cast<std::uint32_t>(name_size),
         offset + static_cast<std::uint32_t>(
                      value.empty() ? colon : static_cast<std::size_t>(value.data() - line.data())),
         static_cast<std::uint32_t>(value.size())});
    return {};
}

h1::error field_scanner::fold(std::string_view line) {
    if (mode_ == strictness::strict || entries_.empty()) return h1::error::obs_fold;
    const std::string_view more = detail::trim(line);
    if (!detail::is_field_text(more)) return h1::error::bad_field_value;
    if (more.empty()) return {};
    const auto start = static_cast<std::uint32_t>(line_offset_ - fields_start_ +
                                                  static_cast<std::size_t>(more.data() - line.data()));
    access::entry& last = entries_.back();
    if (last.value_size == 0) {
        last.value = start;
        last.value_size = static_cast<std::uint32_t>(more.size());
        return {};
    }
    last.value_size = start + static_cast<std::uint32_t>(more.size()) - last.value;
    folded_ = true;
    return {};
}

} // namespace tandem::http::h1
