// "Prescan a byte stream to determine its encoding": HTML standard, section 13.2.3.2.
#include "examples/crawler/charset.hpp"

#include "examples/crawler/ascii.hpp"

#include <algorithm>
#include <vector>

namespace crawler {
namespace {

constexpr std::size_t npos = std::string_view::npos;

struct attribute {
    std::string name; // lower case, as is the value
    std::string value;
};

class prescanner {
public:
    explicit prescanner(std::string_view bytes) : s_(bytes) {}

    std::optional<charset> run() {
        for (; at_ < s_.size(); ++at_) {
            if (s_[at_] != '<') continue;
            const std::string_view rest = s_.substr(at_);
            if (rest.starts_with("<!--")) {
                const std::size_t end = s_.find("-->", at_ + 2); // "<!-->" is a whole comment
                if (end == npos) return std::nullopt;
                at_ = end + 2;
            } else if (rest.size() > 5 && ascii::iequals(rest.substr(1, 4), "meta") &&
                       (ascii::is_space(rest[5]) || rest[5] == '/')) {
                at_ += 5;
                if (const auto c = meta()) return c;
            } else if (const std::size_t name = rest.starts_with("</") ? 2 : 1;
                       name < rest.size() && ascii::is_alpha(rest[name])) {
                while (at_ < s_.size() && !ascii::is_space(s_[at_]) && s_[at_] != '>')
                    ++at_;
                while (next_attribute()) {
                }
            } else if (rest.starts_with("<!") || rest.starts_with("</") || rest.starts_with("<?")) {
                at_ = std::min(s_.find('>', at_), s_.size());
            }
        }
        return std::nullopt;
    }

private:
    std::optional<charset> meta() {
        std::vector<std::string> seen;
        std::optional<charset> found;
        bool got_pragma = false;
        std::optional<bool> need_pragma;
        while (auto a = next_attribute()) {
            if (std::find(seen.begin(), seen.end(), a->name) != seen.end()) continue;
            if (a->name == "http-equiv") {
                got_pragma = got_pragma || a->value == "content-type";
            } else if (a->name == "content") {
                const auto label = label_in_content(a->value);
                const auto c = label ? charset_from_label(*label) : std::nullopt;
                if (c && !need_pragma) {
                    found = c;
                    need_pragma = true;
                }
            } else if (a->name == "charset") {
                found = charset_from_label(a->value);
                if (ascii::iequals(ascii::trim(a->value), "x-user-defined")) found = charset::windows_1252;
                need_pragma = false;
            }
            seen.push_back(std::move(a->name));
        }
        if (!need_pragma || (*need_pragma && !got_pragma) || !found) return std::nullopt;
        // Whoever can read this declaration as ASCII is not reading UTF-16.
        return *found == charset::utf_16le || *found == charset::utf_16be ? charset::utf_8 : found;
    }

    // "Extracting a character encoding from a meta element".
    static std::optional<std::string> label_in_content(std::string_view s) {
        std::size_t i = 0;
        const auto skip_spaces = [&] {
            while (i < s.size() && ascii::is_space(s[i]))
                ++i;
        };
        do {
            i = s.find("charset", i);
            if (i == npos) return std::nullopt;
            i += 7;
            skip_spaces();
        } while (i >= s.size() || s[i] != '=');
        ++i;
        skip_spaces();
        if (i >= s.size()) return std::nullopt;
        if (s[i] == '"' || s[i] == '\'') {
            const std::size_t end = s.find(s[i], i + 1);
            if (end == npos) return std::nullopt;
            return std::string(s.substr(i + 1, end - i - 1));
        }
        std::size_t end = i;
        while (end < s.size() && !ascii::is_space(s[end]) && s[end] != ';')
            ++end;
        return std::string(s.substr(i, end - i));
    }

    // "Get an attribute": nothing at the end of the tag, where the position rests on the '>'.
    std::optional<attribute> next_attribute() {
        const auto more = [&] { return at_ < s_.size(); };
        const auto skip_spaces = [&] {
            while (more() && ascii::is_space(s_[at_]))
                ++at_;
        };
        while (more() && (ascii::is_space(s_[at_]) || s_[at_] == '/'))
            ++at_;
        if (!more() || s_[at_] == '>') return std::nullopt;
        attribute a;
        while (more() && !ascii::is_space(s_[at_]) && s_[at_] != '/' && s_[at_] != '>' &&
               (s_[at_] != '=' || a.name.empty()))
            a.name += ascii::lower(s_[at_++]);
        skip_spaces();
        if (!more() || s_[at_] != '=') return a;
        ++at_;
        skip_spaces();
        if (!more()) return a;
        if (const char quote = s_[at_]; quote == '"' || quote == '\'') {
            ++at_;
            while (more() && s_[at_] != quote)
                a.value += ascii::lower(s_[at_++]);
            if (more())
                ++at_;
            else
                return std::nullopt; // cut off by the 1,024 bytes
        } else {
            while (more() && !ascii::is_space(s_[at_]) && s_[at_] != '>')
                a.value += ascii::lower(s_[at_++]);
        }
        return a;
    }

    std::string_view s_;
    std::size_t at_ = 0;
};

// "Get an XML encoding".
std::optional<charset> xml_declaration(std::string_view s) {
    if (!s.starts_with("<?xml")) return std::nullopt;
    s = s.substr(0, s.find('>'));
    std::size_t i = s.find("encoding");
    if (i == npos) return std::nullopt;
    i += 8;
    const auto skip = [&] {
        while (i < s.size() && static_cast<unsigned char>(s[i]) <= 0x20)
            ++i;
    };
    skip();
    if (i >= s.size() || s[i] != '=') return std::nullopt;
    ++i;
    skip();
    if (i >= s.size() || (s[i] != '"' && s[i] != '\'')) return std::nullopt;
    const std::size_t end = s.find(s[i], i + 1);
    if (end == npos) return std::nullopt;
    const auto found = charset_from_label(s.substr(i + 1, end - i - 1));
    return found == charset::utf_16le || found == charset::utf_16be ? charset::utf_8 : found;
}

} // namespace

std::optional<charset> prescan_charset(std::string_view body) {
    using namespace std::string_view_literals;
    if (body.starts_with("<\0?\0x\0"sv)) return charset::utf_16le;
    if (body.starts_with("\0<\0?\0x"sv)) return charset::utf_16be;
    const std::string_view head = body.substr(0, 1024);
    if (const auto c = prescanner(head).run()) return c;
    return xml_declaration(head);
}

} // namespace crawler
