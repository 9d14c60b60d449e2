#include "lib/http/h1/body_reader.hpp"

#include <algorithm>

#include "lib/http/chars.hpp"

namespace tandem::http::h1 {

namespace {

// -1 for what is no hexadecimal digit.
int hex_value(unsigned char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

void body_reader::reset(const plan& what, const limits& bounds, strictness mode) {
    plan_ = what;
    limits_ = bounds;
    mode_ = mode;
    state_ = state::start;
    remaining_ = total_ = 0;
    digits_ = 0;
    extension_bytes_ = 0;
    trailers_.clear();
    error_.clear();
}

step body_reader::fail(h1::error value) {
    state_ = state::failed;
    error_ = value;
    return {event::failed, 0, {}};
}

step body_reader::read(std::string_view bytes, bool end_of_stream) {
    if (state_ == state::start) {
        // Here and not in reset(): the limit may still change between the head and the body.
        switch (plan_.framing) {
        case framing::none:
            state_ = state::complete;
            break;
        case framing::length:
            if (plan_.length > limits_.body_bytes) return fail(h1::error::body_too_large);
            remaining_ = plan_.length;
            state_ = state::data;
            break;
        case framing::chunked:
            state_ = state::size_first;
            break;
        case framing::until_close:
            state_ = state::until_close;
            break;
        }
    }
    if (state_ == state::complete) return {event::complete, 0, {}};
    if (state_ == state::failed) return {event::failed, 0, {}};

    step now{event::need_more, 0, {}};
    if (state_ == state::until_close) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), limits_.body_bytes - total_));
        if (size == 0 && !bytes.empty()) return fail(h1::error::body_too_large);
        total_ += size;
        if (size != 0) return {event::body, size, bytes.substr(0, size)};
        if (end_of_stream) {
            state_ = state::complete;
            return {event::complete, 0, {}};
        }
        return now;
    }
    if (plan_.framing == framing::chunked) {
        now = read_chunked(bytes);
    } else {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), remaining_));
        remaining_ -= size;
        total_ += size;
        if (size != 0) {
            now = {event::body, size, bytes.substr(0, size)};
        } else if (remaining_ == 0) {
            state_ = state::complete;
            now = {event::complete, 0, {}};
        }
    }
    if (now.what == event::need_more && end_of_stream) return fail(h1::error::truncated);
    return now;
}

step body_reader::read_chunked(std::string_view bytes) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto c = static_cast<unsigned char>(bytes[at]);
        switch (state_) {
        case state::data: {
            const auto size =
                static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size() - at, remaining_));
            remaining_ -= size;
            total_ += size;
            if (remaining_ == 0) state_ = state::data_cr;
            return {event::body, at + size, bytes.substr(at, size)};
        }
        case state::data_cr:
            if (c == '\r')
                state_ = state::data_lf;
            else if (c == '\n' && mode_ == strictness::lenient)
                state_ = state::size_first;
            else
                return fail(h1::error::bad_chunk_end);
            break;
        case state::data_lf:
            if (c != '\n') return fail(h1::error::bad_chunk_end);
            state_ = state::size_first;
            break;
        case state::trailers:
            return read_trailers(bytes, at);
        case state::complete:
            return {event::complete, at, {}};
        default:
            if (const h1::error wrong = size_line_byte(c); wrong != h1::error{}) return fail(wrong);
            break;
        }
        ++at;
    }
    if (state_ == state::complete) return {event::complete, at, {}};
    return {event::need_more, at, {}};
}

// One byte of `1*HEXDIG [ chunk-ext ] CRLF` (RFC 9112, 7.1). An LF in an extension is where smuggling hides:
// strictly only the LF of a CRLF ends the line.
h1::error body_reader::size_line_byte(unsigned char c) {
    switch (state_) {
    case state::size_first:
        digits_ = 0;
        remaining_ = 0;
        state_ = state::size;
        [[fallthrough]];
    case state::size:
        if (const int digit = hex_value(c); digit >= 0) {
            if (++digits_ > 16) return h1::error::bad_chunk_size;
            remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
            return {};
        }
        if (digits_ == 0) return h1::error::bad_chunk_size;
        if (c == '\r') {
            state_ = state::size_lf;
            return {};
        }
        if (c == '\n' && mode_ == strictness::lenient) return size_line_end();
        if (c != ';' && !(mode_ == strictness::lenient && (c == ' ' || c == '\t')))
            return h1::error::bad_chunk_size;
        state_ = c == ';' ? state::extension : state::size_blank;
        return count_extension_byte();
    case state::size_blank:
    case state::extension:
        if (c == '\r') {
            state_ = state::size_lf;
            return {};
        }
        if (c == '\n' && mode_ == strictness::lenient) return size_line_end();
        if (state_ == state::size_blank && c != ' ' && c != '\t') {
            if (c != ';') return h1::error::bad_chunk_size;
            state_ = state::extension;
        }
        if (!detail::is_class(static_cast<char>(c), detail::field_char))
            return h1::error::bad_chunk_extension;
        return count_extension_byte();
    case state::size_lf:
        return c == '\n' ? size_line_end() : h1::error::bad_chunk_size;
    default:
        return h1::error::bad_chunk_size; // not reached: read_chunked() handles the other states
    }
}

// A response may go on for ever, and some servers pad each size with blanks: there the allowance grows with
// the data.
h1::error body_reader::count_extension_byte() noexcept {
    const std::uint64_t earned = mode_ == strictness::lenient ? total_ : 0;
    return ++extension_bytes_ > limits_.chunk_extension_bytes + earned ? h1::error::chunk_extensions_too_long
                                                                       : h1::error{};
}

h1::error body_reader::size_line_end() {
    if (remaining_ > limits_.body_bytes - total_) return h1::error::body_too_large;
    if (remaining_ != 0) {
        state_ = state::data;
        return {};
    }
    state_ = state::trailers;
    field_scanner::bounds rest;
    rest.bytes = limits_.header_bytes - std::min(limits_.header_bytes, plan_.header_bytes);
    rest.line_bytes = limits_.line_bytes;
    rest.fields = limits_.fields - std::min(limits_.fields, plan_.fields);
    scanner_.reset(rest, mode_);
    return {};
}

// The scanner's offsets count from the first byte of the trailer section, which is not consumed before it is
// whole.
step body_reader::read_trailers(std::string_view bytes, std::size_t at) {
    switch (scanner_.fields(bytes.substr(at), trailers_)) {
    case field_scanner::result::failed:
        return fail(scanner_.error());
    case field_scanner::result::done:
        state_ = state::complete;
        return {event::complete, at + scanner_.end(), {}};
    default:
        return {event::need_more, at, {}};
    }
}

} // namespace tandem::http::h1
