// Writing JSON: one object a line, numbers and strings, nothing more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crawler {

/// Appends to one string. The caller is in charge of the structure; commas are put where they are needed.
class json_writer {
public:
    json_writer() = default;

    json_writer& begin_object();
    json_writer& end_object();
    json_writer& begin_array();
    json_writer& end_array();
    json_writer& key(std::string_view name);

    /// UTF-8; what is not becomes U+FFFD, control characters are escaped.
    json_writer& string(std::string_view text);
    json_writer& number(std::uint64_t value);
    /// With three decimals; what is not finite becomes 0.
    json_writer& number(double value);
    json_writer& boolean(bool value);

    [[nodiscard]] const std::string& text() const { return text_; }
    std::string take() { return std::move(text_); }

private:
    void separate();

    std::string text_;
    bool need_comma_ = false;
};

} // namespace crawler
