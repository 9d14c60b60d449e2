#include "examples/crawler/links.hpp"

#include "examples/crawler/options.hpp"

#include <ctime>
#include <unordered_set>
#include <utility>

namespace crawler {

namespace {

// Of one page: a long <base>, or a long address of its own (every link's referrer), makes gigabytes of
// little.
constexpr std::size_t most_address_bytes = 32 * 1024 * 1024;

double thread_cpu_ms() {
    std::timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

} // namespace

tandem::url visitable(tandem::url link) {
    // A page could otherwise make one address many, and have us send credentials of its choice.
    if (link.has_credentials()) return tandem::url(link.origin() + std::string(link.target()));
    return link.has_fragment() ? link.without_fragment() : link;
}

parsed_page parse_page(std::string body, std::string content_type, tandem::url base,
                       std::shared_ptr<const scope> where, bool obey, bool header_nofollow) {
    const double begun = thread_cpu_ms();
    extract_options limits;
    limits.product_token = product_token;
    page_content content = extract(body, content_type, limits);

    parsed_page result;
    result.title = std::move(content.title);
    const std::size_t referrer_bytes = base.href().size();
    if (content.has_base) {
        if (auto own = tandem::url::parse(content.base_href, base)) base = std::move(*own);
    }
    if (!obey || !(header_nofollow || content.robots.nofollow)) {
        std::unordered_set<std::string> raw;   // most links of a page repeat: resolve each spelling once
        std::unordered_set<std::string> found; // different spellings of one URL
        std::size_t bytes = 0;
        for (page_link& link : content.links) {
            if (obey && link.nofollow) continue;
            if (!raw.insert(link.href).second) continue;
            auto resolved = tandem::url::parse(link.href, base);
            if (!resolved) continue;
            bytes += resolved->href().size() + referrer_bytes;
            if (bytes > most_address_bytes) break;
            if (resolved->href().size() > longest_url) continue;
            if (resolved->scheme() != "http" && resolved->scheme() != "https") continue;
            tandem::url target = visitable(std::move(*resolved));
            if (!where->contains(target) || !found.insert(target.href()).second) continue;
            result.links.push_back(std::move(target));
        }
    }
    result.cpu_ms = thread_cpu_ms() - begun;
    return result;
}

} // namespace crawler
