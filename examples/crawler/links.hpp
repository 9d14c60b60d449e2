// A page's links as the frontier wants them. Runs on the pool: it is the computing part of a crawl.
#pragma once

#include "examples/crawler/extract.hpp"
#include "examples/crawler/scope.hpp"

#include <tandem/net/url.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace crawler {

/// Longest address that is requested.
inline constexpr std::size_t longest_url = 8 * 1024;

/// What is requested and remembered of a link: without fragment, user name and password.
[[nodiscard]] tandem::url visitable(tandem::url link);

class parsed_page {
public:
    parsed_page() = default;

    std::string title;
    std::vector<tandem::url> links; ///< absolute, without fragment, in scope, each once, in document order
    double cpu_ms = 0;              ///< what this cost the pool
};

/// Parses `body` and resolves its links against `base` (or the page's own <base>); after 32 MiB of addresses,
/// each link's and its referrer's, the rest of the links is left out. `obey`: leaves out what
/// the page asks robots not to follow (`header_nofollow`: its X-Robots-Tag does). Never throws but for
/// std::bad_alloc.
[[nodiscard]] parsed_page parse_page(std::string body, std::string content_type, tandem::url base,
                                     std::shared_ptr<const scope> where, bool obey, bool header_nofollow);

} // namespace crawler
