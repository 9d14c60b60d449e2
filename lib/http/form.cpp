#include "tandem/http/form.hpp"

#include "lib/http/chars.hpp"

namespace tandem::http {

namespace {

void append_encoded(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : text) {
        const char lower = detail::to_lower(c);
        if ((lower >= 'a' && lower <= 'z') || detail::is_digit(c) || c == '*' || c == '-' || c == '.' ||
            c == '_') {
            out += c;
        } else if (c == ' ') {
            out += '+';
        } else {
            const auto u = static_cast<unsigned char>(c);
            out += '%';
            out += digits[u >> 4];
            out += digits[u & 15];
        }
    }
}

} // namespace

form& form::add(std::string_view name, std::string_view value) & {
    std::string more; // the arguments may be views into text_
    if (!text_.empty()) more += '&';
    append_encoded(more, name);
    more += '=';
    append_encoded(more, value);
    text_ += more;
    return *this;
}

} // namespace tandem::http
