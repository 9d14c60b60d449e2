// Finds and reads the web-platform-tests data for URLs, which is not part of the project.
#pragma once

#include "tests/support/conformance.hpp"

#include <boost/json.hpp>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace wpt {

/// The data has lone surrogates (\uD800), which are no text and which Boost.JSON refuses. A URL is parsed
/// from a USVString, in which each has become U+FFFD: so they become here. `count` counts them.
inline std::string without_lone_surrogates(const std::string& json, int& count) {
    auto unit_at = [&json](std::size_t i) -> unsigned {
        if (i + 6 > json.size() || json[i] != '\\' || json[i + 1] != 'u') return 0;
        return static_cast<unsigned>(std::stoul(json.substr(i + 2, 4), nullptr, 16));
    };
    std::string out;
    for (std::size_t i = 0; i < json.size();) {
        std::size_t size = 1;
        if (json[i] == '\\') {
            const unsigned unit = unit_at(i);
            size = json.at(i + 1) == 'u' ? 6 : 2;
            if (unit >= 0xD800 && unit <= 0xDFFF) {
                const unsigned next = unit_at(i + 6);
                if (unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF) {
                    size = 12;
                } else {
                    ++count;
                    out += "\\uFFFD";
                    i += 6;
                    continue;
                }
            }
        }
        out.append(json, i, size);
        i += size;
    }
    return out;
}

/// The parsed file, or nothing when it is not there.
inline std::optional<boost::json::array> load(std::string_view name, int& lone_surrogates) {
    std::ifstream file(conformance::directory() / "wpt-url" / name, std::ios::binary);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return boost::json::parse(without_lone_surrogates(text.str(), lone_surrogates)).as_array();
}

/// A member that is a string, or nothing.
inline std::optional<std::string> text_of(const boost::json::object& object, std::string_view key) {
    const boost::json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(std::string_view(value->get_string()));
}

} // namespace wpt
