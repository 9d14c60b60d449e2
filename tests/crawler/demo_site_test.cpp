#include "examples/crawler/content_type.hpp"
#include "examples/crawler/demo_site.hpp"
#include "examples/crawler/extract.hpp"
#include "examples/crawler/robots.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>

using namespace crawler;
using namespace std::chrono_literals;

namespace {

const std::string host = "demo.test:8080";

demo_options small(std::size_t pages = 60) {
    demo_options options;
    options.pages = pages;
    options.authority = host;
    return options;
}

// Enough of URL resolution for this site: the path and query on our host, or nothing for other places.
std::optional<std::string> resolve(std::string_view base, std::string_view raw) {
    std::string ref;
    for (const char c : raw)
        if (c != '\t' && c != '\n' && c != '\r') ref += c;
    ref.erase(0, std::min(ref.find_first_not_of(' '), ref.size()));
    ref.erase(ref.find_last_not_of(' ') + 1);
    ref.erase(std::min(ref.find('#'), ref.size()));
    if (ref.starts_with("http:")) ref.erase(0, 5);
    if (ref.starts_with("//")) {
        if (!ref.starts_with("//" + host)) return std::nullopt;
        ref.erase(0, 2 + host.size());
    } else if (const auto colon = ref.find(':'); colon < ref.find_first_of("/?")) {
        return std::nullopt; // another scheme
    }
    const std::string_view base_path = base.substr(0, base.find('?'));
    if (ref.empty()) return std::string(base);
    if (ref.front() == '?') return std::string(base_path) + ref;
    if (ref.front() != '/') ref = std::string(base_path.substr(0, base_path.rfind('/') + 1)) + ref;
    const std::string query = ref.substr(std::min(ref.find('?'), ref.size()));
    ref.erase(ref.size() - query.size());
    std::vector<std::string> segments;
    for (std::size_t at = 1; at <= ref.size();) {
        const std::size_t end = std::min(ref.find('/', at), ref.size());
        const std::string segment = ref.substr(at, end - at);
        const bool last = end == ref.size();
        if (segment == ".." && !segments.empty()) segments.pop_back();
        if (segment != "." && segment != "..")
            segments.push_back(segment);
        else if (last)
            segments.emplace_back();
        at = end + 1;
    }
    std::string path;
    for (const std::string& segment : segments)
        path += "/" + segment;
    std::string encoded;
    for (const char c : (path.empty() ? "/" : path) + query) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet > 0x20 && octet < 0x7F)
            encoded += c;
        else {
            encoded += '%';
            encoded += "0123456789ABCDEF"[octet >> 4];
            encoded += "0123456789ABCDEF"[octet & 15];
        }
    }
    return encoded;
}

std::vector<expected_fetch> crawl(const demo_site& site, bool polite) {
    const robots_rules rules =
        polite ? parse_robots(site.serve("/robots.txt").body, "tandem") : robots_rules::allow_all();
    std::map<std::string, int> fetched;
    std::deque<std::string> queue;
    const auto visit = [&](std::string_view base, std::string_view href) {
        const auto target = resolve(base, href);
        if (target && rules.allowed(*target) && fetched.emplace(*target, 0).second) queue.push_back(*target);
    };
    visit("/", "/");
    while (!queue.empty()) {
        const std::string target = queue.front();
        queue.pop_front();
        const demo_response response = site.serve(target);
        fetched[target] = response.status;
        for (const auto& [name, value] : response.headers)
            if (name == "Location") visit(target, value);
        if (response.status != 200 || !parse_media_type(response.content_type).is_html()) continue;
        const page_content page = extract(response.body, response.content_type);
        if (polite && page.robots.nofollow) continue;
        const std::string base = page.has_base ? resolve(target, page.base_href).value_or(target) : target;
        for (const page_link& link : page.links)
            if (!polite || !link.nofollow) visit(base, link.href);
    }
    std::vector<expected_fetch> result;
    for (const auto& [target, status] : fetched)
        result.emplace_back(target, status);
    return result;
}

std::string list(const std::vector<expected_fetch>& fetches) {
    std::string s;
    for (const auto& fetch : fetches)
        s += fetch.target + " " + std::to_string(fetch.status) + "\n";
    return s;
}

} // namespace

TEST_CASE("demo site: a crawl by our own parts fetches exactly what is expected") {
    const demo_site site(small());
    CHECK(list(crawl(site, true)) == list(site.expected_fetches(true)));
    CHECK(list(crawl(site, false)) == list(site.expected_fetches(false)));
}

TEST_CASE("demo site: other sizes and seeds") {
    for (const std::size_t pages : {std::size_t{1}, std::size_t{2}, std::size_t{300}}) {
        demo_options options = small(pages);
        options.seed = pages * 7;
        const demo_site site(options);
        CHECK(list(crawl(site, true)) == list(site.expected_fetches(true)));
    }
}

TEST_CASE("demo site: what is expected") {
    const demo_site site(small());
    const auto polite = site.expected_pages(true);
    const auto rude = site.expected_pages(false);
    CHECK(std::is_sorted(polite.begin(), polite.end()));
    CHECK(std::includes(rude.begin(), rude.end(), polite.begin(), polite.end()));
    CHECK(polite.size() > 60 + 50);
    CHECK(rude.size() > polite.size());
    std::set<int> codes;
    for (const auto& fetch : site.expected_fetches(true)) {
        codes.insert(fetch.status);
        CHECK_FALSE(site.is_trap(fetch.target));
        CHECK(site.serve(fetch.target).status == fetch.status);
    }
    CHECK(codes == std::set<int>{200, 301, 302, 303, 307, 308, 404, 410, 500});
    const robots_rules rules = parse_robots(site.serve("/robots.txt").body, "tandem");
    for (const std::string& target : polite)
        CHECK(rules.allowed(target));
    CHECK_FALSE(rules.crawl_delay().has_value());
    CHECK(rules.sitemaps().size() == 1);
}

TEST_CASE("demo site: answers") {
    const demo_site site(small(300));
    const demo_site same(small(300));
    std::size_t smallest = 1 << 20;
    std::size_t largest = 0;
    for (const std::string& target : site.expected_pages(true)) {
        const demo_response response = site.serve(target + "#fragment");
        CHECK(response.body == same.serve(target).body);
        if (target.find("/page-") == std::string::npos) continue;
        smallest = std::min(smallest, response.body.size());
        largest = std::max(largest, response.body.size());
    }
    CHECK(smallest >= 4 * 1024);
    CHECK(largest <= 64 * 1024);
    CHECK(largest > 30 * 1024);
    CHECK(site.serve("/nowhere").status == 404);
    CHECK(site.serve("").status == 404);
    CHECK(site.serve("/trap/comment").status == 404);
    CHECK(site.serve("/").compressible);
    CHECK(site.serve("/assets/style.css").compressible);
    CHECK_FALSE(site.serve("/assets/pixel.png").compressible);
    CHECK(site.serve("/assets/pixel.png").body.starts_with("\x89PNG"));
    CHECK(extract(site.serve("/odd/sjis.html").body, "text/html").title == "\u30BD\u30D5\u30FC");
    CHECK(extract(site.serve("/odd/utf16.html").body, "text/html").title == "Sixteen bits");

    demo_options other = small();
    other.seed = 2;
    CHECK(demo_site(other).serve("/guide/page-7.html").body != site.serve("/guide/page-7.html").body);
}

TEST_CASE("demo site: latency") {
    CHECK(demo_site(small()).serve("/").latency == 0ms);
    demo_options options = small();
    options.latency = 20ms;
    options.latency_jitter = 10ms;
    const demo_site site(options);
    std::set<std::chrono::milliseconds> seen;
    for (const std::string& target : site.expected_pages(true)) {
        const auto latency = site.serve(target).latency;
        CHECK((latency >= 20ms && latency <= 30ms));
        CHECK(latency == site.serve(target).latency);
        seen.insert(latency);
    }
    CHECK(seen.size() > 5);
}
