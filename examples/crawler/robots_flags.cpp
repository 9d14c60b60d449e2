#include "examples/crawler/robots_flags.hpp"

#include "examples/crawler/ascii.hpp"

#include <algorithm>
#include <array>

namespace crawler {

robots_flags parse_robots_directives(std::string_view content) {
    robots_flags flags;
    ascii::for_each_token(
        content, [](char c) { return c == ',' || ascii::is_space(c); },
        [&](std::string_view directive) {
            const bool none = ascii::iequals(directive, "none");
            flags.noindex = flags.noindex || none || ascii::iequals(directive, "noindex");
            flags.nofollow = flags.nofollow || none || ascii::iequals(directive, "nofollow");
        });
    return flags;
}

robots_flags parse_x_robots_tag(std::string_view value, std::string_view product_token) {
    // Directives that take a value look like an agent prefix and are not one.
    constexpr std::array<std::string_view, 4> valued = {"unavailable_after", "max-snippet",
                                                        "max-image-preview", "max-video-preview"};
    robots_flags flags;
    bool for_us = true;
    ascii::for_each_token(
        value, [](char c) { return c == ','; },
        [&](std::string_view part) {
            if (const std::size_t colon = part.find(':'); colon != std::string_view::npos) {
                const std::string_view name = ascii::trim(part.substr(0, colon));
                const auto same = [name](std::string_view v) { return ascii::iequals(name, v); };
                if (std::any_of(valued.begin(), valued.end(), same)) return;
                for_us = name == "*" || same(product_token);
                part.remove_prefix(colon + 1);
            }
            if (!for_us) return;
            const robots_flags more = parse_robots_directives(part);
            flags.noindex = flags.noindex || more.noindex;
            flags.nofollow = flags.nofollow || more.nofollow;
        });
    return flags;
}

} // namespace crawler
