#include "lib/http/h1/fields.hpp"

#include <charconv>

#include "lib/http/chars.hpp"

namespace tandem::http::h1 {

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, wrong] = std::from_chars(text.data(), end, value); // unsigned: takes no sign
    if (text.empty() || wrong != std::errc{} || stopped != end) return std::nullopt;
    return value;
}

framing_fields look_at(const http::headers& fields) noexcept {
    using detail::iequals;
    framing_fields found;
    for (const auto [name, value] : fields) {
        switch (name.size()) { // most fields are told apart by this alone
        case 4:
            if (iequals(name, "Host") && found.hosts++ == 0) found.host = value;
            break;
        case 6:
            if (iequals(name, "Expect") && iequals(value, "100-continue")) found.expect_continue = true;
            break;
        case 10:
            if (!iequals(name, "Connection")) break;
            detail::for_each_element(value, [&](std::string_view element) {
                found.close = found.close || iequals(element, "close");
                found.keep_alive = found.keep_alive || iequals(element, "keep-alive");
                return true;
            });
            break;
        case 14:
            if (iequals(name, "Content-Length") && found.lengths++ == 0) found.length = value;
            break;
        case 17:
            if (iequals(name, "Transfer-Encoding") && found.codings++ == 0) found.coding = value;
            break;
        default:
            break;
        }
    }
    return found;
}

} // namespace tandem::http::h1
