// The content of the demonstration site: what each address answers, and what a correct crawler fetches. No
// network.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace crawler {

class demo_options {
public:
    demo_options() = default;

    std::size_t pages = 300;             ///< ordinary pages, beside some 60 special addresses; at least 1
    std::uint64_t seed = 1;              ///< of texts, cross links and latencies
    std::string authority = "localhost"; ///< "host" or "host:port" for links and redirects that name the host
    std::chrono::milliseconds latency{0};        ///< least time that an answer should take
    std::chrono::milliseconds latency_jitter{0}; ///< up to this much more, fixed for each address
};

class demo_response {
public:
    demo_response() = default;

    int status = 404;
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> headers; ///< beside Content-Type; Location of a redirect
    std::string body;
    std::chrono::milliseconds latency{0}; ///< the server should wait this long before it answers
    bool compressible = false;            ///< text: worth a content coding
};

/// One address that a correct crawler requests, once.
class expected_fetch {
public:
    expected_fetch() = default;
    expected_fetch(std::string path, int code) : target(std::move(path)), status(code) {}

    std::string target; ///< path and query
    int status = 0;

    friend bool operator==(const expected_fetch&, const expected_fetch&) = default;
};

/// A site that is the same for the same options. Ordinary pages (4-60 KiB) form a tree with cross links in
/// several directories; special addresses hold what crawlers stumble over: a base element, character
/// references, relative links of all shapes, redirects (each code, a chain, a loop, one into a disallowed
/// path), errors, nofollow, robots.txt (without Crawl-delay), assets, other encodings, an XHTML page, and
/// traps: links in comments, scripts and the like, which nobody should request. Bodies are made on request
/// from the seed; const members may be called on any thread.
class demo_site {
public:
    explicit demo_site(demo_options options = {});

    /// The answer to a request for this path and query (a fragment is ignored); 404 for what is not there.
    [[nodiscard]] demo_response serve(std::string_view target) const;

    /// Every address that a crawler requests that begins at "/" and follows links, frames, refreshes and
    /// redirects on this host; sorted, without /robots.txt. From the plan, not from parsing. With
    /// `respect_robots` it keeps to robots.txt, rel=nofollow and the robots meta element; without it ignores
    /// all three.
    [[nodiscard]] std::vector<expected_fetch> expected_fetches(bool respect_robots) const;
    /// The targets of expected_fetches().
    [[nodiscard]] std::vector<std::string> expected_pages(bool respect_robots) const;

    /// Would a correct crawler never request this address, whatever it thinks of robots?
    [[nodiscard]] bool is_trap(std::string_view target) const;

private:
    enum class reach : unsigned char { everybody, only_rude, nobody };
    struct resource {
        int status = 200;
        reach reached_by = reach::everybody;
        std::size_t page = no_page; // an ordinary page
        std::string content_type;   // of the others
        std::string location;       // of a redirect
        std::string body;           // short; pages are padded on request
        bool padded = false;
    };
    static constexpr std::size_t no_page = static_cast<std::size_t>(-1);

    void plan_pages();
    void plan_specials();
    resource& add(std::string target, int status = 200, reach by = reach::everybody);
    void add_html(std::string target, std::string body, reach by = reach::everybody);
    void add_leaf(std::string target, reach by = reach::everybody);
    [[nodiscard]] std::string page_body(std::size_t index) const;

    demo_options options_;
    std::vector<std::string> page_paths_;
    std::unordered_map<std::string, resource> resources_;
};

} // namespace crawler
