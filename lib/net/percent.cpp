#include "tandem/net/percent.hpp"

#include "lib/net/url_text.hpp"

namespace tandem {

std::string percent_encode_component(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    detail::append_encoded(out, text, detail::encode_component);
    return out;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && text.size() - i > 2) {
            const int high = detail::hex_value(text[i + 1]);
            const int low = detail::hex_value(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out.push_back(static_cast<char>(high * 16 + low));
                i += 2;
                continue;
            }
        }
        out.push_back(text[i]);
    }
    return out;
}

} // namespace tandem
