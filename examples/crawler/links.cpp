#include "examples/crawler/links.hpp"

#include "examples/crawler/options.hpp"

#include <ctime>
#include <unordered_set>
#include <utility>

namespace crawler {

namespace {

constexpr std::size_t longest_url = 8 * 1024;

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
    if (content.has_base) {
        if (auto own = tandem::url::parse(content.base_href, base)) base = std::move(*own);
    }
    if (!obey || !(header_nofollow || content.robots.nofollow)) {
        std::unordered_set<std::string> raw;   // most links of a page repeat: resolve each spelling once
        std::unordered_set<std::string> found; // different spellings of one URL
        for (page_link& link : content.links) {
            if (obey && link.nofollow) continue;
            if (!raw.insert(link.href).second) continue;
            auto resolved = tandem::url::parse(link.href, base);
            if (!resolved || resolved->href().size() > longest_url) continue;
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
