// What a page asks of robots: in a meta element or an X-Robots-Tag header.
#pragma once

#include <string_view>

namespace crawler {

/// Wishes of a page, accumulated: once set, a flag stays.
struct robots_flags {
    bool noindex = false;  ///< do not keep this page
    bool nofollow = false; ///< do not follow its links

    friend bool operator==(const robots_flags&, const robots_flags&) = default;
};

/// The content of `<meta name=robots>`: directives separated by commas (or spaces), any case; `none` means
/// both.
[[nodiscard]] robots_flags parse_robots_directives(std::string_view content);

/// One X-Robots-Tag value: directives as above, each part optionally after an agent ("otherbot: noindex,
/// nofollow"), which holds up to the next agent. Parts for other agents than `product_token` (any case) or
/// `*` are ignored.
[[nodiscard]] robots_flags parse_x_robots_tag(std::string_view value, std::string_view product_token);

} // namespace crawler
