#include "examples/crawler/json.hpp"

#include "examples/crawler/charset.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace crawler {

namespace {

void append_escape(std::string& text, unsigned char byte) {
    static constexpr std::string_view digits = "0123456789abcdef";
    text += "\\u00";
    text += digits[byte >> 4];
    text += digits[byte & 15];
}

} // namespace

void json_writer::separate() {
    if (need_comma_) text_ += ',';
    need_comma_ = true;
}

json_writer& json_writer::begin_object() {
    separate();
    text_ += '{';
    need_comma_ = false;
    return *this;
}

json_writer& json_writer::end_object() {
    text_ += '}';
    need_comma_ = true;
    return *this;
}

json_writer& json_writer::begin_array() {
    separate();
    text_ += '[';
    need_comma_ = false;
    return *this;
}

json_writer& json_writer::end_array() {
    text_ += ']';
    need_comma_ = true;
    return *this;
}

json_writer& json_writer::key(std::string_view name) {
    string(name);
    text_ += ':';
    need_comma_ = false;
    return *this;
}

json_writer& json_writer::string(std::string_view text) {
    separate();
    std::string repaired;
    if (!is_valid_utf8(text)) {
        repaired = to_utf8(text, charset::utf_8);
        text = repaired;
    }
    text_ += '"';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            text_ += '\\';
            text_ += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            append_escape(text_, byte);
        } else if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) { // U+0080 to U+009F
            append_escape(text_, static_cast<unsigned char>(text[++i]));
        } else {
            text_ += c;
        }
    }
    text_ += '"';
    return *this;
}

json_writer& json_writer::number(std::uint64_t value) {
    separate();
    text_ += std::to_string(value);
    return *this;
}

json_writer& json_writer::number(double value) {
    separate();
    std::array<char, 64> buffer{};
    if (!std::isfinite(value) || std::fabs(value) > 1e18) value = 0;
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, 3);
    text_.append(buffer.data(), end.ptr);
    return *this;
}

json_writer& json_writer::boolean(bool value) {
    separate();
    text_ += value ? "true" : "false";
    return *this;
}

} // namespace crawler
