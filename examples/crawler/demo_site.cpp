// The machinery of the demonstration site and its ordinary pages; demo_site_specials.cpp has the odd corners.
#include "examples/crawler/demo_site.hpp"

#include <algorithm>
#include <array>

namespace crawler {
namespace {

// splitmix64: tiny, and the same on every platform (the distributions of <random> are not).
class random_source {
public:
    explicit random_source(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
        z = (z ^ z >> 27) * 0x94D049BB133111EBU;
        return z ^ z >> 31;
    }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }

private:
    std::uint64_t state_;
};

std::uint64_t hash_of(std::string_view s) {
    std::uint64_t h = 0xCBF29CE484222325U; // FNV-1a
    for (const char c : s)
        h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    return h;
}

constexpr std::array<std::string_view, 32> words = {
    "loop",  "task",  "wait",   "pool",    "thread", "signal",  "buffer", "the",
    "a",     "of",    "to",     "channel", "socket", "request", "page",   "link",
    "crawl", "queue", "worker", "steal",   "each",   "until",   "answer", "event",
    "frame", "group", "cancel", "time",    "limit",  "state",   "moves",  "through"};

constexpr std::array<std::string_view, 7> directories = {
    "/guide/", "/guide/advanced/", "/reference/", "/reference/io/", "/reference/io/files/", "/blog/2024/",
    "/news/"};

std::string sentence(random_source& random) {
    std::string s;
    const std::size_t length = 6 + random.below(12);
    for (std::size_t i = 0; i < length; ++i) {
        s += i == 0 ? "" : " ";
        s += words[random.below(words.size())];
    }
    s.front() = static_cast<char>(s.front() - 'a' + 'A');
    return s + ". ";
}

void append_paragraphs(std::string& body, random_source& random, std::size_t until) {
    while (body.size() < until) {
        body += "<p>";
        for (std::size_t i = 3 + random.below(5); i > 0; --i)
            body += sentence(random);
        body += "</p>\n";
    }
}

std::string_view directory_of(std::string_view path) {
    return path.substr(0, path.rfind('/') + 1);
}

// `to` as a reference relative to the page `from`: "../" as often as needed, then down.
std::string relative(std::string_view from, std::string_view to) {
    const std::string_view base = directory_of(from);
    std::size_t common = 1;
    for (std::size_t i = 1; i < std::min(base.size(), to.size()) && base[i] == to[i]; ++i)
        if (base[i] == '/') common = i + 1;
    std::string result;
    for (std::size_t i = common; i < base.size(); ++i)
        if (base[i] == '/') result += "../";
    result += to.substr(common);
    return result.empty() ? "./" : result;
}

} // namespace

demo_site::demo_site(demo_options options) : options_(std::move(options)) {
    plan_pages();
    plan_specials();
}

demo_site::resource& demo_site::add(std::string target, int status, reach by) {
    resource& r = resources_[std::move(target)];
    r.status = status;
    r.reached_by = by;
    r.content_type = "text/html; charset=utf-8";
    return r;
}

void demo_site::plan_pages() {
    const std::size_t count = std::max<std::size_t>(options_.pages, 1);
    page_paths_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::string path = "/";
        if (i > 0) {
            path = directories[i % directories.size()];
            path += "page-" + std::to_string(i) + ".html";
        }
        page_paths_.push_back(path);
        add(std::move(path)).page = i;
    }
}

// Page i links to its parent and to pages 3i+1 .. 3i+3, so that all are reached; cross links add nothing new.
std::string demo_site::page_body(std::size_t index) const {
    random_source random(options_.seed * 1'000'003 + index);
    const std::string& self = page_paths_[index];
    std::string body =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Page " +
        std::to_string(index) + ": " + sentence(random) +
        "</title>\n<link rel=\"stylesheet\" href=\"/assets/style.css\">\n</head>\n<body>\n<nav>"
        "<a href=\"/\">Home</a>";
    const auto link = [&](std::size_t to, std::size_t shape) {
        const std::string& path = page_paths_[to];
        std::string href;
        switch (shape) {
        case 0:
            href = path;
            break;
        case 1:
            href = "//" + options_.authority + path;
            break;
        case 2:
            href = "http://" + options_.authority + path;
            break;
        case 3:
            href = path + "#section-" + std::to_string(random.below(9));
            break;
        case 4:
            href = "  " + relative(self, path) + " ";
            break;
        case 5:
            href = "./" + relative(self, path);
            break;
        default:
            href = relative(self, path);
            break;
        }
        body += " <a href=\"" + href + "\">" + sentence(random) + "</a>";
    };
    if (index > 0) link((index - 1) / 3, 6);
    body += "</nav>\n<main>\n<h1>Page " + std::to_string(index) + "</h1>\n<ul>\n";
    for (std::size_t child = 3 * index + 1; child <= 3 * index + 3 && child < page_paths_.size(); ++child) {
        body += "<li>";
        link(child, random.below(7));
        body += "</li>\n";
    }
    body += "</ul>\n";
    if (index == 0)
        body += "<p><a href=\"odd/\">Odd corners</a> <a href='assets/style.css'>The style</a></p>\n";
    // Most pages are small and some are large, as on real sites.
    const std::size_t spread = random.below(8) == 0 ? 56 * 1024 : 12 * 1024;
    const std::size_t size = 4 * 1024 + random.below(spread);
    while (body.size() < size) {
        append_paragraphs(body, random, std::min(size, body.size() + 1500));
        body += "<p>See also";
        link(random.below(page_paths_.size()), random.below(7));
        body += "</p>\n";
    }
    body += "</main>\n<footer><a href=\"#top\">Top</a> <a href=\"mailto:nobody@example.org\">Mail</a> "
            "<a href=\"http://elsewhere.example/\">Elsewhere</a></footer>\n</body>\n</html>\n";
    return body;
}

demo_response demo_site::serve(std::string_view target) const {
    target = target.substr(0, target.find('#'));
    demo_response response;
    if (options_.latency_jitter.count() > 0) {
        random_source random(hash_of(target) ^ options_.seed);
        const auto span = static_cast<std::size_t>(options_.latency_jitter.count()) + 1;
        response.latency = std::chrono::milliseconds(random.below(span));
    }
    response.latency += options_.latency;

    const auto found = resources_.find(std::string(target));
    if (found == resources_.end()) {
        response.content_type = "text/html; charset=utf-8";
        response.body = "<!DOCTYPE html><title>Not found</title><p>There is no such page.</p>\n";
        response.compressible = true;
        return response;
    }
    const resource& r = found->second;
    response.status = r.status;
    response.content_type = r.content_type;
    if (!r.location.empty()) response.headers.emplace_back("Location", r.location);
    response.body = r.page == no_page ? r.body : page_body(r.page);
    if (r.padded) {
        random_source random(hash_of(target) ^ options_.seed);
        append_paragraphs(response.body, random, 4 * 1024 + random.below(8 * 1024));
    }
    response.compressible =
        response.content_type.starts_with("text/") || response.content_type.starts_with("application/xhtml");
    return response;
}

std::vector<expected_fetch> demo_site::expected_fetches(bool respect_robots) const {
    std::vector<expected_fetch> result;
    for (const auto& [target, r] : resources_)
        if (r.reached_by == reach::everybody || (r.reached_by == reach::only_rude && !respect_robots))
            result.emplace_back(target, r.status);
    std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.target < b.target; });
    return result;
}

std::vector<std::string> demo_site::expected_pages(bool respect_robots) const {
    std::vector<std::string> result;
    for (expected_fetch& fetch : expected_fetches(respect_robots))
        result.push_back(std::move(fetch.target));
    return result;
}

bool demo_site::is_trap(std::string_view target) const {
    return target.starts_with("/trap/");
}

} // namespace crawler
